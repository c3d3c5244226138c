"""The peers by question and name. A peer is a file of this folder with one registered function."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

_PEERS: dict[str, dict[str, Callable[..., Any]]] = {}


def peer(question: str, name: str) -> Callable[[Function], Function]:
    """Register a function as the peer of this name.

    Args:
        question: "align" (plate, photo → matrix or None), "alpha" (:class:`PlateCase` → alpha), "two"
            (:class:`TwoCase` → alpha) or "foreground" (photo, alpha, plate in the photo's frame → colours).
        name: what the tables call it.
    """

    def register(function: Function) -> Function:
        _PEERS.setdefault(question, {})[name] = function
        return function

    return register


def peers(question: str) -> dict[str, Callable[..., Any]]:
    """All peers of a question, in the order of their files' names."""
    for file in sorted(Path(__file__).parent.glob("*.py")):
        if file.stem not in {"__init__", "registry"}:
            importlib.import_module(f"benchmarks.cutout_peers.{file.stem}")
    return _PEERS[question]
