"""Formats that a model is exported to: one file each, called as the format.

Adding one is adding a file that has what :class:`FormatFile` says. This one imports no torch.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from toprung.errors import ModelError, RecipeError, nearest

if TYPE_CHECKING:
    from toprung.ladder.export.network import ExportNetwork
    from toprung.runs.exported.description import ExportDescription

Answer = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Pictures ``(B, 3, H, W)`` uint8 -> logits ``(B, C)`` float32."""


@dataclass(frozen=True)
class Choices:
    """What a user chooses of a format.

    Attributes:
        opset: version of ONNX's operators; ``None`` for the format's own choice.
        half: numbers of 16 bits inside; half the file.
    """

    opset: int | None = None
    half: bool = False


class FormatFile(Protocol):
    """What a file in this folder defines at its top level."""

    SUFFIX: str
    """What the exported file's name ends in."""

    OPSETS: range
    """The opsets that may be asked for; empty where the format has none."""

    def write(self, network: ExportNetwork, file: Path, description: ExportDescription, choices: Choices) -> None:
        """Write ``file``, and what belongs to it beside it under names that begin with its name or stem.

        Raises:
            ModelError: the model has a part that the format cannot express, or a package is missing.
        """

    def opened(self, file: Path) -> Answer:
        """Return what answers with the written file, to compare it with the run."""


def format_names() -> tuple[str, ...]:
    """Return the names of all formats, in alphabetical order."""
    return tuple(sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_")))


def format_file(name: str) -> FormatFile:
    """Return the file of a format.

    Raises:
        RecipeError: there is none of that name.
    """
    if name not in format_names():
        known = format_names()
        raise RecipeError(f"there is no format {name!r}; there are {', '.join(known)}.{nearest(name, known)}")
    return cast(FormatFile, importlib.import_module(f"{__name__}.{name}"))


def package_missing(package: str, extra: str) -> ModelError:
    """Return the error that says which extra to install."""
    return ModelError(f"the package {package} is not installed; install it with `pip install 'toprung[{extra}]'`.")


def not_expressible(name: str, error: BaseException) -> ModelError:
    """Return the error that says why a model cannot be written in a format."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = (lines or [type(error).__name__])[0].rstrip(".")
    return ModelError(f"the model cannot be written as {name}: {reason[:300]}; try another format.")
