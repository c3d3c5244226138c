"""Classifiers on the features of a frozen network: one file each, the module and how it is fitted.

Adding one is adding a file that has what :class:`HeadFile` says; files whose names begin with ``_`` are helpers. This
one imports no torch, so that settings can be checked without it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from toprung.errors import ModelError, nearest

if TYPE_CHECKING:
    from torch import nn

    from toprung.models.head_fitting import Fitted, HeadData, HeadOptions


class HeadFile(Protocol):
    """What a file in this folder defines at its top level; the head is called as the file."""

    def build(self, *, classes: int, **sizes: Any) -> nn.Module:
        """Return the head with arbitrary values: features ``(B, D)`` -> logits ``(B, C)``.

        ``sizes`` are those that ``fit`` gave; wrong ones raise a TypeError, ValueError or RuntimeError.
        """

    def fit(self, data: HeadData, options: HeadOptions) -> Fitted:
        """Fit the head to the training features; what must be chosen is chosen by the validation log-loss."""


def head_kinds() -> tuple[str, ...]:
    """Return the names of all heads, in alphabetical order."""
    return tuple(sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_")))


def head_file(kind: str) -> HeadFile:
    """Return the file of a head.

    Raises:
        ModelError: there is none of that name.
    """
    if kind not in head_kinds():
        known = head_kinds()
        raise ModelError(f"there is no head {kind!r}; there are {', '.join(known)}.{nearest(kind, known)}")
    return cast(HeadFile, importlib.import_module(f"{__name__}.{kind}"))


def build_head(spec: Mapping[str, Any], classes: int) -> nn.Module:
    """Return a head from what a model's card says of it.

    Args:
        spec: ``kind``, and the sizes that this kind of head takes.
        classes: number of logits.

    Raises:
        ModelError: an unknown kind, or sizes that it does not take.
    """
    sizes = {name: value for name, value in spec.items() if name != "kind"}
    for name, value in sizes.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise ModelError(f"the head's {name} = {value!r} is not allowed: it must be a positive number.")
    try:
        return head_file(str(spec.get("kind"))).build(classes=classes, **sizes)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"the head {dict(spec)} cannot be built: {error}.") from error
