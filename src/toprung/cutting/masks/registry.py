"""The maskers by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Protocol

from toprung.cutting.scene import Alpha, Scene
from toprung.errors import CutoutError, nearest


class Masker(Protocol):
    """A scene in, a soft mask ``(H, W)`` float32 in [0, 1] out: 1 where the object is."""

    def __call__(self, scene: Scene) -> Alpha:
        """Return the soft mask."""
        ...


MASKERS: dict[str, Masker] = {}

# the files of this folder that hold maskers; a new masker is a new file and a line here
_FILES = ("plate_difference", "grabcut")


def masker(name: str) -> Callable[[Masker], Masker]:
    """Register a masker under ``name``."""

    def register(function: Masker) -> Masker:
        MASKERS[name] = function
        return function

    return register


def load_maskers() -> dict[str, Masker]:
    """Import all maskers and return them by name."""
    for file in _FILES:
        importlib.import_module(f"toprung.cutting.masks.{file}")
    return MASKERS


def find_masker(name: str) -> Masker:
    """Return one masker.

    Raises:
        CutoutError: there is none of this name.
    """
    maskers = load_maskers()
    if name not in maskers:
        raise CutoutError(f"No masker is called '{name}'.{nearest(name, maskers)} Known: {', '.join(sorted(maskers))}.")
    return maskers[name]
