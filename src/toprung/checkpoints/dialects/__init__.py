"""Dialects: the names that different projects gave to the same tensors. One file each, found by themselves."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from torch import Tensor


@dataclass(frozen=True)
class Translation:
    """A file's tensors under the model's names.

    Attributes:
        state: tensors by the target model's names.
        dropped: names in the file that have no place in a classifier, each with the reason.
        leftover: names in the file that should have a place in this model and have none; the file is refused.
        assumptions: what the tensors cannot tell.
        preprocessing: input normalisation and the like that the weights were trained with.
        batch_norm_eps: epsilon of every BatchNorm that the weights were trained with, ``None`` where unknown.
    """

    state: dict[str, Tensor]
    dropped: tuple[tuple[str, str], ...] = ()
    leftover: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    batch_norm_eps: float | None = None


class Dialect(Protocol):
    """What a dialect file defines at its top level."""

    NAME: str

    def recognise(self, names: Collection[str], model_names: Collection[str]) -> bool:
        """Say whether a file with these tensor names is written in this dialect."""

    def translate(self, state: Mapping[str, Tensor], model_names: Collection[str]) -> Translation:
        """Rename the file's tensors to the model's names."""


@functools.cache
def all_dialects() -> tuple[Dialect, ...]:
    """Return every dialect in this folder, by file name."""
    modules = sorted(info.name for info in pkgutil.iter_modules(__path__))
    return tuple(cast(Dialect, importlib.import_module(f"{__name__}.{name}")) for name in modules)
