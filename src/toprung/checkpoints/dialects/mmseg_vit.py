"""Vision Transformers of OpenMMLab's MMSegmentation (SETR, Segmenter, UPerNet on ViT).

Facts:

- files are ``{"meta", "state_dict"}``; the network lies under ``backbone.``, ``decode_head.`` and ``auxiliary_head.``
  stand beside it; backbones are kept bare, too;
- a block is ``ln1``, mmcv's attention around PyTorch's (``attn.attn.in_proj_weight``: queries, keys, values, as in
  timm), ``ln2`` and mmcv's FFN;
- the last norm, ``ln1``, is there only where the configuration asks for it; a timm model without it is built with
  ``final_norm=False``;
- the class token has a row of positions; a network built with ``with_cls_token=False`` keeps token and row in its file
  and leaves them out when it computes: no tensor tells, the configuration in ``meta`` may;
- exact GELU, LayerNorm epsilon 1e-6 in the configurations (the class's default is 1e-5); positions are resized
  bicubically without antialiasing; mean and std are 0.5 or ImageNet's, by configuration.
"""

from __future__ import annotations

import re

from torch import Tensor

from toprung.checkpoints.dialects import HALF, IMAGENET, Target, Translation
from toprung.checkpoints.dialects._openmmlab import BACKBONE, beside, configuration
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "MMSegmentation ViT"

_BLOCK, _OURS = "layers.{i}", "blocks.{i}"
TABLE = NameTable(
    [
        ("cls_token", "cls_token"),
        ("pos_embed", "pos_embed"),
        ("patch_embed.projection", "patch_embed.proj"),
        (f"{_BLOCK}.ln1", f"{_OURS}.norm1"),
        (f"{_BLOCK}.attn.attn.in_proj_weight", f"{_OURS}.attn.qkv.weight"),
        (f"{_BLOCK}.attn.attn.in_proj_bias", f"{_OURS}.attn.qkv.bias"),
        (f"{_BLOCK}.attn.attn.out_proj", f"{_OURS}.attn.proj"),
        (f"{_BLOCK}.ln2", f"{_OURS}.norm2"),
        (f"{_BLOCK}.ffn.layers.0.0", f"{_OURS}.mlp.fc1"),
        (f"{_BLOCK}.ffn.layers.1", f"{_OURS}.mlp.fc2"),
        ("ln1", "norm"),
    ]
)
_MARKS = {"patch_embed.projection.weight", "layers.0.ln1.weight", "layers.0.attn.attn.in_proj_weight"}


def recognise(file: WeightsFile) -> bool:
    """Recognise PyTorch's attention in a block of ``layers``, bare or under ``backbone.``."""
    return {name.removeprefix(BACKBONE) for name in file.tensors} >= _MARKS


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Rename the backbone."""
    prefix = BACKBONE if any(name.startswith(BACKBONE) for name in file.tensors) else ""
    dropped = [(name, reason) for name in file.tensors if (reason := beside(name))]
    spare = {name for name, _ in dropped}
    kept: dict[str, Tensor] = {}
    theirs: dict[str, str] = {}
    leftover = []
    for name, tensor in file.tensors.items():
        inner = name.removeprefix(prefix)
        if name in spare:
            continue
        if inner in kept:
            leftover.append(name)
        else:
            kept[inner], theirs[inner] = tensor, name
    renamed = TABLE.rename(kept)
    text = configuration(file.entries)
    means = [known for mark, known in (("127.5", HALF), ("123.675", IMAGENET)) if mark in text]
    assumptions = [
        "heads: the model's own number; no tensor tells it",
        "norm epsilon 1e-6, as in MMSegmentation's configurations",
    ]
    if not text:
        assumptions.append("the class token takes part (with_cls_token); no tensor tells it")
    if len(means) != 1:
        assumptions.append("mean and std: the file does not tell (0.5 or ImageNet's, by configuration)")
    return Translation(
        renamed.state,
        dropped=tuple(dropped),
        leftover=(*leftover, *(theirs[name] for name in renamed.leftover)),
        assumptions=tuple(assumptions),
        preprocessing=dict(means[0]) if len(means) == 1 else {},
        conventions=Conventions(activation="gelu", norm_eps=1e-6),
        antialias=False,
        position_slots=1,
        trained_for="segmentation; no classifier",
        licence="Apache 2.0",
        arguments={} if "norm.weight" in renamed.state else {"final_norm": False},
        unfit=_unfit(text),
    )


def _unfit(text: str) -> str:
    if re.search(r"with_cls_token\s*=\s*False", text):
        return "its configuration leaves the class token out (with_cls_token=False), which its file holds all the same."
    return ""
