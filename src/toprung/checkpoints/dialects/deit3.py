"""DeiT-III (Touvron et al. 2022, arXiv 2204.07118), files of facebookresearch/deit (its ``models_v2.py``).

Facts:

- published files (``deit_3_*_1k.pth``, ``deit_3_*_21k.pth``) hold the tensors under ``model``, training files under
  ``model`` and ``model_ema``; the names are timm's ViT but for the layer scale, ``blocks.i.gamma_1`` and ``gamma_2``;
- ``pos_embed`` has a row for every patch and none for the class token, which is joined after the positions are added
  (timm: ``no_embed_class``). BEiT, data2vec and iBOT have ``gamma_1`` too, but with a row for the class token, with
  ``q_bias``, or with no positions at all;
- exact GELU, LayerNorm epsilon 1e-6, ImageNet's mean and std; heads of 64 channels, but of 80 in the huge model
  (16 heads, patches of 14);
- its own code resizes position embeddings bicubically without antialiasing, and drops the head for other classes, which
  then starts with a truncated normal of std 0.02.
"""

from __future__ import annotations

import math

from toprung.checkpoints.dialects import IMAGENET, HeadStart, Target, Translation
from toprung.checkpoints.dialects._vit import HEAD, LAYER_SCALE, RULES, is_plain_vit
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "DeiT-III"

TABLE = NameTable(
    [
        *RULES,
        ("head", "head"),
    ]
)
_HEAD_START = HeadStart("trunc_normal", 0.02, "DeiT-III's fine-tuning")


def recognise(file: WeightsFile) -> bool:
    """Recognise a plain ViT with ``gamma_1`` and a square number of positions."""
    names = file.tensors.keys()
    if not is_plain_vit(names, HEAD, LAYER_SCALE):
        return False
    table = file.tensors["pos_embed"]
    rows = table.shape[1] if table.ndim == 3 else 0
    scaled = any(name.endswith(("gamma_1", "gamma_2")) for name in names)
    return scaled and rows > 0 and math.isqrt(rows) ** 2 == rows


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Rename the layer scale."""
    renamed = TABLE.rename(file.tensors)
    return Translation(
        renamed.state,
        leftover=renamed.leftover,
        assumptions=("heads: the model's own number; no tensor tells it",),
        preprocessing=dict(IMAGENET),
        conventions=Conventions(activation="gelu", norm_eps=1e-6),
        antialias=False,
        position_slots=0,
        head_start=_HEAD_START,
        trained_for="ImageNet-21k, supervised" if "21k" in file.path.name else "ImageNet, supervised",
        licence="Apache 2.0",
    )
