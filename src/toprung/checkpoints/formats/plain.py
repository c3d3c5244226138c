"""Small plain values of a file: what tells about the weights and can be shown or written as JSON."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from torch import Tensor

from toprung.checkpoints.formats.stand_ins import NumpyArray, Record

_MOST = 30_000  # values of an entry: the names of 21,000 classes are the longest lists
_MOST_ENTRIES = 1_000
_MOST_ALTOGETHER = 1_000_000  # values that are looked at, kept or not
_DEEPEST = 8
_LONGEST = 4_000  # characters of a string
_LARGEST = 1 << 64


class _Refused(Exception):
    """A value that is not plain."""


class _Budget:
    def __init__(self) -> None:
        self.left = _MOST

    def take(self, amount: int = 1) -> None:
        self.left -= amount
        if self.left < 0:
            raise _Refused


def plain_entries(content: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the entries that are strings, numbers, ``None``, or lists and tables of them; no tensor is among them."""
    found: dict[str, Any] = {}
    left = _MOST_ALTOGETHER
    for key, value in content.items():
        if len(found) >= _MOST_ENTRIES or left <= 0:
            break
        if isinstance(key, str) and len(key) <= _LONGEST and not isinstance(value, Tensor):
            budget = _Budget()
            with contextlib.suppress(_Refused):
                found[str(key)] = _plain(value, 0, budget)
            left -= _MOST - budget.left
    return found


def _plain(value: Any, depth: int, budget: _Budget) -> Any:
    budget.take()
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and abs(value) < _LARGEST:
        return int(value)
    if isinstance(value, str | PurePath):
        budget.take(len(str(value)[:_LONGEST]) // 64)
        return str(value)[:_LONGEST]
    if isinstance(value, bytes):  # Python 2's strings
        return value[:_LONGEST].decode("utf-8", "replace")
    if isinstance(value, Record) and depth < _DEEPEST:
        return _plain(_of_record(value), depth + 1, budget)
    if depth >= _DEEPEST or isinstance(value, Tensor | NumpyArray):
        raise _Refused
    if isinstance(value, Mapping):
        table = {
            str(key)[:_LONGEST]: _plain(inner, depth + 1, budget)
            for key, inner in value.items()
            if _may_be_key(key) and _may_be_plain(inner)
        }
        if value and not table:  # of tensors
            raise _Refused
        return table
    if isinstance(value, list | tuple):
        return [_plain(inner, depth + 1, budget) for inner in value]
    raise _Refused


def _may_be_key(key: Any) -> bool:
    return isinstance(key, str | float) or (isinstance(key, int) and abs(key) < _LARGEST)


def _may_be_plain(value: Any) -> bool:
    """Say whether a table's entry is worth keeping: a table of options may have a class or a set among them."""
    if isinstance(value, Record):
        return bool(value.content)
    return value is None or isinstance(value, bool | int | float | str | bytes | PurePath | Mapping | list | tuple)


def _of_record(record: Record) -> Any:
    """Return an object's attributes; of omegaconf's nodes their content."""
    for inner in ("_content", "_val"):
        if inner in record.content:
            return record.content[inner]
    if not record.content:
        raise _Refused
    return record.content
