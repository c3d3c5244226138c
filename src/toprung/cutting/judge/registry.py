"""The measures by name: each is a map of suspected alpha error, and its value is the map's mean over the picture."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Protocol

from toprung.cutting.judge.evidence import Map
from toprung.cutting.judge.view import View


class Measure(Protocol):
    """A candidate in its scene in; ``(h, w)`` float32 out: how much of alpha is suspected to be wrong, in [0, 1]."""

    def __call__(self, view: View) -> Map:
        """Return the map of one candidate."""
        ...


MEASURES: dict[str, Measure] = {}

# the files of this folder that hold measures; a new measure is a function in one of them or a new file here
_FILES = ("agreement", "recomposition", "leftover", "lost", "outline", "topology", "softness")


def measure(name: str) -> Callable[[Measure], Measure]:
    """Register a measure under ``name``."""

    def register(function: Measure) -> Measure:
        MEASURES[name] = function
        return function

    return register


def load_measures() -> dict[str, Measure]:
    """Import all measures and return them by name."""
    for file in _FILES:
        importlib.import_module(f"toprung.cutting.judge.{file}")
    return MEASURES
