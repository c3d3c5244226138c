"""DINOv2, with and without registers (Oquab et al. 2023, arXiv 2304.07193; Darcet et al. 2023, arXiv 2309.16588).

Facts, of facebookresearch/dinov2:

- published backbones (``dinov2_vit*14_pretrain.pth``, ``dinov2_vit*14_reg4_pretrain.pth``) are bare: timm's ViT names
  with layer scale ``ls1.gamma``, a ``mask_token`` of two dimensions (MAE's has three), ``register_tokens``, no head;
- ``pos_embed`` has a row for the class token and 37 × 37 for 518 pixels; registers have none. They stand behind the
  class token. timm's ``*_reg4_dinov2`` have no row for the class token either: it is added to the token once;
- the giant model has SwiGLU: ``mlp.w12`` (gate, then value) and ``mlp.w3``; timm packs them alike as ``fc1``, ``fc2``;
- training saves the teacher alone under ``teacher``: ``backbone.``, ``dino_head.`` and, where it is not shared,
  ``ibot_head.``; blocks are cut into chunks, ``blocks.CHUNK.BLOCK.``, where BLOCK counts through all chunks;
- linear heads are files of their own (``weight``, ``bias``) for the class tokens of one or four blocks and the average
  of the patches; with the backbone in one model they are called ``linear_head.``. No model here reads such features;
- exact GELU, LayerNorm epsilon 1e-6, ImageNet's mean and std; 6, 12, 16 and 24 heads for S, B, L and g;
- its own code resizes position embeddings bicubically: with registers antialiased, without registers not, and then by a
  factor to which 0.1 of a patch is added. Linear classifiers start with a normal of std 0.01.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from toprung.checkpoints.dialects import IMAGENET, HeadStart, Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable, under
from toprung.models.conventions import Conventions

NAME = "DINOv2"

_RULES = [
    ("register_tokens", "reg_token"),
    *((name, name) for name in ("cls_token", "pos_embed", "patch_embed.proj", "norm")),
    *(
        (f"blocks.{{i}}.{name}", f"blocks.{{i}}.{name}")
        for name in ("norm1", "norm2", "attn.qkv", "attn.proj", "ls1.gamma", "ls2.gamma")
    ),
]
TABLE = NameTable([*_RULES, *((f"blocks.{{i}}.mlp.{name}", f"blocks.{{i}}.mlp.{name}") for name in ("fc1", "fc2"))])
_GATED = NameTable([*_RULES, ("blocks.{i}.mlp.w12", "blocks.{i}.mlp.fc1"), ("blocks.{i}.mlp.w3", "blocks.{i}.mlp.fc2")])

_BACKBONE = "backbone."
_BESIDE = {
    "dino_head": "DINOv2's projector, which only its training needs",
    "ibot_head": "DINOv2's projector for patches, which only its training needs",
    "linear_head": "linear classifier on class tokens and averaged patches, joined; the model's head reads one of them",
}
_CHUNK = re.compile(r"blocks\.\d+\.(?=\d+\.)")
_WIDTHS = (384, 768, 1024, 1536)
_JOINED = {count * width for count in (2, 5) for width in _WIDTHS}  # class tokens of 1 or 4 blocks, and the average


def recognise(file: WeightsFile) -> bool:
    """Recognise a ViT with a mask token of two dimensions and learned positions, or a linear head alone."""
    return _is_linear_head(file.tensors) or _prefix(file.tensors) is not None


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Keep the backbone."""
    if _is_linear_head(file.tensors):
        return _refused(file)
    prefix = _prefix(file.tensors) or ""
    theirs = {_unchunked(name): name for name in under(file.tensors, prefix)}
    inner = {name: file.tensors[prefix + whole] for name, whole in theirs.items() if name != "mask_token"}
    gated = any(".mlp.w12." in name for name in inner)
    renamed = (_GATED if gated else TABLE).rename(inner)
    dropped = [(name, _BESIDE[name.partition(".")[0]]) for name in file.tensors if not name.startswith(prefix)]
    if "mask_token" in theirs:
        dropped.append((f"{prefix}mask_token", "stands for hidden patches, which only training has"))
    return Translation(
        renamed.state,
        dropped=tuple(dropped),
        leftover=tuple(prefix + theirs[name] for name in renamed.leftover),
        assumptions=("heads: the model's own number (one per 64 channels); no tensor tells it",),
        preprocessing=dict(IMAGENET),
        conventions=Conventions(activation=None if gated else "gelu", norm_eps=1e-6),
        antialias="reg_token" in renamed.state,
        resize_offset=0.0 if "reg_token" in renamed.state else 0.1,
        position_slots=1,
        head_start=HeadStart("normal", 0.01, "DINOv2's linear evaluation"),
        trained_for="DINOv2 self-supervision" + ("" if "linear_head.weight" in file.tensors else "; no classifier"),
        licence="Apache 2.0",
    )


def _prefix(tensors: Mapping[str, Tensor]) -> str | None:
    """Return what stands before the backbone's names, ``None`` where the file holds none of DINOv2's."""
    for prefix in ("", _BACKBONE):
        token = tensors.get(f"{prefix}mask_token")
        if token is None or token.ndim != 2 or f"{prefix}pos_embed" not in tensors:
            continue
        beside = {name.partition(".")[0] for name in tensors if not name.startswith(prefix)}
        own = any(name.startswith(f"{prefix}blocks.") and ".attn.qkv." in name for name in tensors)
        # a bare backbone in Lightning's hands is called "backbone." too, and nothing is beside it
        if own and beside <= _BESIDE.keys() and bool(beside) == bool(prefix):
            return prefix
    return None


def _unchunked(name: str) -> str:
    return _CHUNK.sub("blocks.", name, count=1)


def _is_linear_head(tensors: Mapping[str, Tensor]) -> bool:
    weight = tensors.get("weight")
    alone = tensors.keys() <= {"weight", "bias"} and weight is not None and weight.ndim == 2
    return alone and weight is not None and weight.shape[0] == 1000 and weight.shape[1] in _JOINED


def _refused(file: WeightsFile) -> Translation:
    width = file.tensors["weight"].shape[1]
    return Translation(
        {},
        dropped=tuple((name, "linear classifier for joined features") for name in file.tensors),
        trained_for="a linear classifier on frozen DINOv2 features",
        unfit=(
            f"it holds a linear classifier for {width} features (DINOv2 joins class tokens and averaged patches) and "
            "no network; give the backbone's file, dinov2_*_pretrain.pth."
        ),
    )
