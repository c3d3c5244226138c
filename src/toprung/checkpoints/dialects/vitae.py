"""ViTAE (Xu et al. 2021, arXiv 2106.03348) and ViTAEv2 (Zhang et al. 2022, arXiv 2202.10108), files of
ViTAE-Transformer.

Facts:

- a stage is ``layers.i`` with one reduction cell, ``RC`` (absent where nothing is reduced), and normal cells, ``NC.j``;
- a normal cell is a transformer's block with a branch of convolutions beside the attention, ``PCM``; a reduction cell
  also has dilated convolutions, ``PRM``, and its own ``attn``;
- timm has neither of the two. The files are recognised so that they are refused with the reason and not for strange
  names; the blocks within are called as timm's, so that a part of them could pass for something else.
"""

from __future__ import annotations

import re

from toprung.checkpoints.dialects import IMAGENET, Target, Translation
from toprung.checkpoints.files import WeightsFile

NAME = "ViTAE"

_NORMAL_CELL = re.compile(r"(layers\.\d+\.NC|blocks)\.\d+\.PCM\.\d+\.weight")
_ATTENTION = re.compile(r"(layers\.\d+\.NC|blocks)\.\d+\.attn\.\w+\.weight")
_UNFIT = "ViTAE is not among timm's networks, and toprung has none of its own yet."


def recognise(file: WeightsFile) -> bool:
    """Recognise normal cells with attention and a branch of convolutions."""
    return all(any(map(mark.fullmatch, file.tensors)) for mark in (_NORMAL_CELL, _ATTENTION))


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Leave the names as they are: there is no model for them."""
    return Translation(
        dict(file.tensors),
        preprocessing=dict(IMAGENET),
        trained_for="a classifier" if "head.weight" in file.tensors else "no classifier",
        unfit=_UNFIT,
    )
