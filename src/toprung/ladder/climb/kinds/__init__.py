"""The kinds of rungs. A new kind is a file here with a function under ``@register``."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from toprung.ladder.climb.context import Context, Step
from toprung.ladder.climb.ladder_file import Rung

Steps = Callable[[Rung, Context], list[Step]]
_KINDS: dict[str, Steps] = {}


def register(name: str) -> Callable[[Steps], Steps]:
    """Add the function that tells which runs a rung of a kind makes."""

    def add(steps: Steps) -> Steps:
        _KINDS[name] = steps
        return steps

    return add


def steps_of(rung: Rung, context: Context) -> list[Step]:
    """Return the runs that a rung makes.

    Raises:
        NotNow: it lacks a rung that it needs, or has nothing to do.
        ToprungError: a mistake in its settings.
    """
    importlib.import_module(f"toprung.ladder.climb.kinds.{rung.kind}")
    return _KINDS[rung.kind](rung, context)
