"""Swin (Liu et al. 2021, arXiv 2103.14030), Swin V2 (arXiv 2111.09883) and SimMIM (arXiv 2111.09886), files of
microsoft/Swin-Transformer and microsoft/SimMIM.

Facts:

- the names are timm's but for the head (``head``; in timm ``head.fc``) and the merging of patches, which ends a stage
  here and begins the next in timm: ``layers.0.downsample`` exists in these files and in those of
  old versions of timm only;
- ``relative_position_index``, ``relative_coords_table`` and ``attn_mask`` are computed from window and image size;
- Swin V2 has ``q_bias`` and ``v_bias``, a logarithmic scale and a small network for the biases of offsets, which are
  measured in the window of pretraining;
- SimMIM's pretraining files hold the encoder under ``encoder.`` with a ``mask_token``, and ``decoder.0``;
- exact GELU, LayerNorm epsilon 1e-5, ImageNet's mean and std;
- training files hold ``config`` (a yacs node), ``optimizer``, ``lr_scheduler``, ``scaler`` and ``max_accuracy`` too;
- its own fine-tuning sets a head for other classes to zero; after SimMIM it is a truncated normal of std 0.02;
- ``absolute_pos_embed`` (off in all published files) has no place in timm's model.
"""

from __future__ import annotations

from torch import Tensor

from toprung.checkpoints.dialects import IMAGENET, HeadStart, Target, Translation, _swin
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "Swin"

_BLOCK = "layers.{i}.blocks.{j}."
TABLE = NameTable(
    [
        ("patch_embed.{p}", "patch_embed.{p}"),
        *(
            (f"{_BLOCK}{part}", f"{_BLOCK}{part}")
            for part in ("norm1", "norm2", "attn.qkv", "attn.proj", "attn.relative_position_bias_table", "mlp.fc1")
        ),
        *(
            (f"{_BLOCK}{part}", f"{_BLOCK}{part}")
            for part in ("mlp.fc2", "attn.q_bias", "attn.v_bias", "attn.logit_scale", "attn.cpb_mlp")
        ),
        *((f"layers.{stage}.downsample", f"layers.{stage + 1}.downsample") for stage in range(8)),
        ("norm", "norm"),
        ("head", "head.fc"),
    ]
)
_ZEROS = HeadStart("zeros", source="Swin's fine-tuning")
_AFTER_SIMMIM = HeadStart("trunc_normal", 0.02, "SimMIM's fine-tuning")
_MARKS = {"patch_embed.proj.weight", "layers.0.blocks.0.attn.qkv.weight", "layers.0.downsample.reduction.weight"}


def recognise(file: WeightsFile) -> bool:
    """Recognise a first stage that ends with a merging of patches."""
    return {name.removeprefix("encoder.") for name in file.tensors} >= _MARKS


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Move the merging to the next stage; drop what the model computes and what only pretraining needs."""
    kept: dict[str, Tensor] = {}
    theirs: dict[str, str] = {}
    computed: dict[str, Tensor] = {}
    dropped, leftover = [], []
    masked = any(name.removeprefix("encoder.") == "mask_token" for name in file.tensors)
    for name, tensor in file.tensors.items():
        inner = name.removeprefix("encoder.")
        if _swin.is_computed(name):
            computed[inner] = tensor
            dropped.append((name, "computed by the model from window and image size"))
        elif inner == "mask_token" or (masked and name in ("decoder.0.weight", "decoder.0.bias")):
            dropped.append((name, "SimMIM's pretraining, which reconstructs pixels; not needed to classify"))
        elif inner in kept:
            leftover.append(name)
        else:
            kept[inner], theirs[inner] = tensor, name
    renamed = TABLE.rename(kept)
    return Translation(
        renamed.state,
        dropped=tuple(dropped),
        leftover=(*leftover, *(theirs[name] for name in renamed.leftover)),
        assumptions=_swin.notes_on_windows(computed, target),
        preprocessing=dict(IMAGENET),
        conventions=Conventions(activation="gelu", norm_eps=1e-5),
        antialias=False,
        head_start=_AFTER_SIMMIM if masked else _ZEROS,
        trained_for=_trained_for(masked, renamed.state.get("head.fc.weight")),
        licence="MIT",
        unfit=_swin.unfit_offsets(computed, target),
    )


def _trained_for(masked: bool, head: Tensor | None) -> str:
    if masked:
        return "SimMIM pretraining; no classifier"
    if head is None:
        return "no classifier"
    return "ImageNet-22k" if head.shape[0] == 21841 else "a classifier"
