"""Swin and Swin V2 of torchvision (swin_t, ..., swin_v2_b).

Facts:

- ``features`` counts the patch layer (0.0 convolution, 0.2 norm), stage, merging of patches, stage, ...; timm counts a
  merging with the stage behind it;
- a block's MLP is a sequence, ``mlp.0`` and ``mlp.3``; index and table of offsets are kept in the file;
- Swin V2 keeps one bias for queries, keys and values and sets the keys' third to zero when it computes; timm's has
  ``q_bias`` and ``v_bias``;
- exact GELU, LayerNorm epsilon 1e-5, ImageNet's mean and std.
"""

from __future__ import annotations

import torch
from torch import Tensor

from toprung.checkpoints.dialects import IMAGENET, Target, Translation, _swin
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "torchvision Swin"

_PARTS = {
    "mlp.0": "mlp.fc1",
    "mlp.3": "mlp.fc2",
    **{part: part for part in ("norm1", "norm2", "attn.qkv", "attn.proj", "attn.logit_scale", "attn.cpb_mlp")},
    **{f"attn.relative_{part}": f"attn.relative_{part}" for part in ("position_bias_table", "coords_table")},
    "attn.relative_position_index": "attn.relative_position_index",
}
_STAGES = [
    rule
    for stage in range(4)
    for rule in (
        *([(f"features.{2 * stage}", f"layers.{stage}.downsample")] if stage else []),
        *(
            (f"features.{2 * stage + 1}.{{j}}.{theirs}", f"layers.{stage}.blocks.{{j}}.{ours}")
            for theirs, ours in _PARTS.items()
        ),
    )
]
TABLE = NameTable(
    [
        ("features.0.0", "patch_embed.proj"),
        ("features.0.2", "patch_embed.norm"),
        *_STAGES,
        ("norm", "norm"),
        ("head", "head.fc"),
    ]
)
_MARKS = {"features.0.0.weight", "features.1.0.attn.qkv.weight", "features.2.reduction.weight"}


def recognise(file: WeightsFile) -> bool:
    """Recognise torchvision's counting with attention and merging."""
    return file.tensors.keys() >= _MARKS


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Rename; drop what the model computes, and split the bias of Swin V2."""
    renamed = TABLE.rename(file.tensors)
    state: dict[str, Tensor] = {}
    computed = {name: tensor for name, tensor in renamed.state.items() if _swin.is_computed(name)}
    second = any(name.endswith(".attn.logit_scale") for name in renamed.state)
    for name, tensor in renamed.state.items():
        if name in computed:
            continue
        if second and name.endswith(".attn.qkv.bias"):
            owner = name.removesuffix("qkv.bias")
            state[f"{owner}q_bias"], _, state[f"{owner}v_bias"] = torch.chunk(tensor, 3)
        else:
            state[name] = tensor
    return Translation(
        state,
        dropped=tuple(
            (name, "computed by the model from window and image size")
            for name in file.tensors
            if _swin.is_computed(name)
        ),
        leftover=renamed.leftover,
        assumptions=_swin.notes_on_windows(computed, target),
        preprocessing=dict(IMAGENET),
        conventions=Conventions(activation="gelu", norm_eps=1e-5),
        trained_for="a classifier" if "head.fc.weight" in state else "no classifier",
        unfit=_swin.unfit_offsets(computed, target),
    )
