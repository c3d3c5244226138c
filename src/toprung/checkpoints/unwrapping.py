"""Find the named tensors among what training scripts put around them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from torch import Tensor

State = dict[str, Tensor]

# Where training scripts keep the model among other things, in the order in which they are looked for.
_WRAPPERS = (
    "state_dict_ema", "model_ema", "ema_state_dict", "ema", "state_dict", "model_state_dict", "model", "module",
    "teacher", "target_encoder", "encoder", "student", "net", "network", "params", "weights",
)  # fmt: skip
_NO_MODEL = ("optim", "sched", "scaler", "loss", "queue", "rng", "hook", "callback", "loop")
_PREFIXES = ("module.", "_orig_mod.")
_DEEPEST = 5  # a file may hold itself
_MOST_ENTRIES = 64
_LONGEST = 300


@dataclass(frozen=True)
class Unwrapped:
    """Tensors by name, where they lay, and what lay beside them."""

    tensors: State
    wrapper: str = ""
    alternatives: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    entries: Mapping[str, Any] = field(default_factory=dict)


def unwrap(content: Any) -> Unwrapped:
    """Take the tensors out of ``state_dict``, ``model`` and the like, without ``module.`` and ``_orig_mod.``.

    Averaged weights are preferred to the plain ones; what was not taken stands in ``alternatives``. Tables within the
    table of tensors are joined with dots.
    """
    place: list[str] = []
    alternatives: list[str] = []
    entries: dict[str, Any] = {}
    for _ in range(_DEEPEST):
        if not isinstance(content, Mapping):
            break
        entries |= _plain_entries(content)
        candidates = _candidates(content)
        if not candidates or _is_state(content):
            break
        alternatives += [".".join([*place, name]) for name in candidates[1:]]
        place.append(candidates[0])
        content = content[candidates[0]]
    tensors: State = {}
    _flatten(content, "", tensors, 0)
    tensors, prefixes = _without_prefixes(tensors)
    return Unwrapped(tensors, ".".join(place), tuple(alternatives), prefixes, entries)


def _is_state(content: Mapping[Any, Any]) -> bool:
    """Say whether most entries are tensors themselves: a state dict may have a part called ``model`` or ``encoder``."""
    tensors = sum(_is_array(value) for value in content.values())
    return tensors > 2 and 2 * tensors > len(content)


def _candidates(content: Mapping[Any, Any]) -> list[str]:
    """Return the entries that hold named tensors, the preferred one first."""
    known = [key for key in _WRAPPERS if _holds_tensors(content.get(key), 0)]
    if known:
        return known
    if any(_is_array(value) for value in content.values()):
        return []
    others = [
        key
        for key, value in content.items()
        if isinstance(key, str) and not any(word in key.lower() for word in _NO_MODEL) and _holds_tensors(value, 0)
    ]
    return others if len(others) == 1 else []


def _holds_tensors(value: Any, depth: int) -> bool:
    if not isinstance(value, Mapping) or depth > _DEEPEST:
        return False
    return any(_is_array(inner) or _holds_tensors(inner, depth + 1) for inner in value.values())


def _flatten(content: Any, prefix: str, tensors: State, depth: int) -> None:
    if not isinstance(content, Mapping) or depth > _DEEPEST:
        return
    for key, value in content.items():
        name = f"{prefix}{key}"
        if _is_array(value):
            tensors[name] = value if isinstance(value, Tensor) else torch.from_numpy(np.ascontiguousarray(value))
        elif not any(word in str(key).lower() for word in _NO_MODEL):
            _flatten(value, f"{name}.", tensors, depth + 1)


def _is_array(value: Any) -> bool:
    return isinstance(value, Tensor) or (isinstance(value, np.ndarray) and value.dtype.kind in "fiub")


def _without_prefixes(tensors: State) -> tuple[State, tuple[str, ...]]:
    taken = []
    while prefix := next((p for p in _PREFIXES if tensors and all(name.startswith(p) for name in tensors)), ""):
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
        taken.append(prefix)
    return tensors, tuple(taken)


def _plain_entries(content: Mapping[Any, Any]) -> dict[str, Any]:
    found = {}
    for key, value in list(content.items())[:_MOST_ENTRIES]:
        plain = _plain(value, 0)
        if plain is not None and isinstance(key, str):
            found[key] = plain
    return found


def _plain(value: Any, depth: int) -> Any:
    """Return a value of JSON's kinds, bounded in size; ``None`` for anything else."""
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | PurePath):
        return str(value)[:_LONGEST]
    if isinstance(value, np.generic):
        return value.item() if isinstance(value.item(), bool | int | float | str) else None
    if depth > 2:
        return None
    if isinstance(value, argparse.Namespace):
        value = vars(value)
    if isinstance(value, Mapping):
        if any(_is_array(inner) or isinstance(inner, Mapping) for inner in value.values()):
            return None
        pairs = [(str(key), _plain(inner, depth + 1)) for key, inner in list(value.items())[:_MOST_ENTRIES]]
        return {key: plain for key, plain in pairs if plain is not None} or None
    if isinstance(value, list | tuple) and len(value) <= _MOST_ENTRIES:
        return [_plain(inner, depth + 1) for inner in value] or None
    return None
