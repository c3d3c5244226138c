"""Dialects: the names that different projects gave to the same tensors. One file each, found by themselves.

A dialect tells from a file alone (names, shapes, what stands beside the tensors) whether the file is its own, and
renames the tensors to those that timm's model of the same architecture has. It knows nothing of fitting: grids of
position embeddings, input channels, heads and norms are adapted afterwards, for all dialects alike, by
:mod:`toprung.checkpoints.adapting`. To add a dialect, add a file here that defines what :class:`Dialect` lists, and
an example of it in ``tests/checkpoints/examples``.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, cast

import torch
from torch import Tensor, nn

from toprung.checkpoints.files import WeightsFile
from toprung.models.conventions import Conventions

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
HALF = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
CLIP = {"mean": (0.48145466, 0.4578275, 0.40821073), "std": (0.26862954, 0.26130258, 0.27577711)}


@dataclass(frozen=True)
class HeadStart:
    """How a dialect's own fine-tuning starts a fresh classifier.

    Attributes:
        kind: distribution of the weights; biases are zero.
        std: of that distribution.
        source: who starts it so.
    """

    kind: Literal["normal", "trunc_normal", "zeros"]
    std: float = 0.0
    source: str = ""


@dataclass(frozen=True)
class Target:
    """The model that is to be filled, as a dialect may look at it.

    Attributes:
        shapes: shape of every tensor of its ``state_dict``.
        kind: its class's name, such as ``VisionTransformer``, ``Eva``, ``Beit``.
        module: the model; not to be changed.
    """

    shapes: Mapping[str, torch.Size]
    kind: str
    module: nn.Module


@dataclass(frozen=True)
class Translation:
    """A file's tensors under timm's names, and what its project knows of them.

    Attributes:
        state: tensors by timm's names.
        dropped: names in the file (theirs) that have no place in a classifier, each with the reason.
        leftover: names in the file that should have a place and have none; the file is refused.
        assumptions: what the tensors cannot tell, one phrase each.
        preprocessing: ``mean`` and ``std`` (per channel, for pixels in [0, 1]) that the weights were trained with.
        conventions: what the network computes with; the model takes them over.
        same_padding: whether convolutions pad as TensorFlow's ``SAME``; ``None`` where it is not known.
        antialias: whether the project's own code resizes position embeddings with antialiasing.
        resize_offset: share of a patch that the project's own code adds to the new grid before it works out the factor.
        position_slots: leading rows of ``pos_embed`` that belong to tokens and not to patches; ``None``: to be told
            from the number of rows.
        grid: rows and columns of patches that ``pos_embed`` was trained with, where the file tells.
        head_start: how a fresh head begins.
        trained_for: pretraining or fine-tuning, and on what, in a few words.
        licence: of the published weights, where known.
        arguments: keywords of timm's ``create_model`` without which its model computes something else.
        classes: class names by output, where the file tells.
        unfit: why these weights cannot go into the target although names may agree; "" where they can.
        architecture: name of the timm model, where the file tells.
    """

    state: dict[str, Tensor]
    dropped: tuple[tuple[str, str], ...] = ()
    leftover: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    conventions: Conventions = field(default_factory=Conventions)
    same_padding: bool | None = None
    antialias: bool = True
    resize_offset: float = 0.0
    position_slots: int | None = None
    grid: tuple[int, int] | None = None
    head_start: HeadStart | None = None
    trained_for: str = ""
    licence: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    unfit: str = ""
    architecture: str = ""


class Dialect(Protocol):
    """What a dialect file defines at its top level."""

    NAME: str

    def recognise(self, file: WeightsFile) -> bool:
        """Say whether a file is written in this dialect and no other. No other file may be claimed."""

    def translate(self, file: WeightsFile, target: Target | None) -> Translation:
        """Rename the file's tensors to timm's names.

        ``target`` is only looked at where timm has the same network in more than one class; ``None`` asks for the
        names of the class that most people use.
        """


@functools.cache
def all_dialects() -> tuple[Dialect, ...]:
    """Return every dialect in this folder, by file name."""
    modules = sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))
    return tuple(cast(Dialect, importlib.import_module(f"{__name__}.{name}")) for name in modules)
