"""The cutout methods by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from toprung.cutting.methods.materials import Materials
from toprung.cutting.scene import Alpha
from toprung.errors import CutoutError, nearest

Solve = Callable[[Materials], Alpha | None]


@dataclass(frozen=True)
class Method:
    """A way to an alpha.

    Attributes:
        name: as in ``--method``.
        summary: one line for ``--list-methods``.
        default: whether it runs when no method is named.
        decides: whether its answer is taken without asking the judge, because it saw a picture that the judge does not.
        solve: returns ``(H, W)`` float32 in [0, 1], or None when it does not apply to these materials.
    """

    name: str
    summary: str
    default: bool
    decides: bool
    solve: Solve


METHODS: dict[str, Method] = {}

# the files of this folder that hold methods, in the order in which they run; a new method is a new file and a name here
_FILES = ("two_papers", "plate", "border", "network", "grabcut", "closed_form", "difference")


def method(name: str, summary: str, *, default: bool, decides: bool = False) -> Callable[[Solve], Solve]:
    """Register a method under ``name``."""

    def register(solve: Solve) -> Solve:
        METHODS[name] = Method(name, summary, default, decides, solve)
        return solve

    return register


def load_methods() -> dict[str, Method]:
    """Import all methods and return them by name."""
    for file in _FILES:
        importlib.import_module(f"toprung.cutting.methods.{file}")
    return METHODS


def chosen_methods(names: Sequence[str] | None) -> list[Method]:
    """Return the methods of these names, or those that run by default.

    Raises:
        CutoutError: there is none of a name.
    """
    known = load_methods()
    if names is None:
        return [entry for entry in known.values() if entry.default]
    for name in names:
        if name not in known:
            raise CutoutError(f"No cutout method is called '{name}'.{nearest(name, known)} Known: {', '.join(known)}.")
    return [known[name] for name in dict.fromkeys(names)]
