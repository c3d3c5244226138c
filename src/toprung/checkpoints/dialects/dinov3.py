"""DINOv3's ViTs (Siméoni et al. 2025, arXiv 2508.10104), files of facebookresearch/dinov3.

Facts:

- published backbones are bare; training saves ``backbone.`` beside ``dino_head.`` and ``ibot_head.`` under ``teacher``;
- timm has them as class Eva. ``storage_tokens`` are its registers, ``ls1.gamma`` its ``gamma_1``; SwiGLU's ``mlp.w1``,
  ``w2``, ``w3`` are its ``fc1_g`` (gate), ``fc1_x``, ``fc2``; only training uses ``mask_token`` and ``local_cls_norm``;
- positions are rotations (RoPE) of 16 or more frequencies per head: ``rope_embed.periods`` is 100 to the power of 0 to
  1, one per four channels of a head, so that it tells the number of heads. Published files hold them rounded to
  bfloat16 and its own code computes with those; timm computes them afresh in float32;
- ``attn.qkv.bias`` is multiplied by ``bias_mask``, which is 0 for the key. The distilled models' biases are all zero:
  timm has each network without (``*_dinov3``) and with biases for query and value (``*_dinov3_qkvb``);
- exact GELU, LayerNorm epsilon 1e-5 (not 1e-6), ImageNet's mean and std; its features are the class token's;
- a linear classifier is a file of its own (``weight``, ``bias``) for class token and averaged patches, joined.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from toprung.checkpoints.dialects import IMAGENET, Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable, under
from toprung.models.conventions import Conventions

NAME = "DINOv3"

_RULES = [
    ("storage_tokens", "reg_token"),
    *((name, name) for name in ("cls_token", "patch_embed.proj", "norm")),
    ("blocks.{i}.ls1.gamma", "blocks.{i}.gamma_1"),
    ("blocks.{i}.ls2.gamma", "blocks.{i}.gamma_2"),
    *((f"blocks.{{i}}.{name}", f"blocks.{{i}}.{name}") for name in ("norm1", "norm2", "attn.qkv.weight", "attn.proj")),
]
TABLE = NameTable([*_RULES, *((f"blocks.{{i}}.mlp.{name}", f"blocks.{{i}}.mlp.{name}") for name in ("fc1", "fc2"))])
_GATED = NameTable(
    [
        *_RULES,
        *(
            (f"blocks.{{i}}.mlp.{theirs}", f"blocks.{{i}}.mlp.{ours}")
            for theirs, ours in (("w1", "fc1_g"), ("w2", "fc1_x"), ("w3", "fc2"))
        ),
    ]
)

_BACKBONE = "backbone."
_BESIDE = {
    "dino_head": "DINOv3's projector, which only its training needs",
    "ibot_head": "DINOv3's projector for patches, which only its training needs",
    "linear_head": "linear classifier on class token and averaged patches, joined; the model's head reads one of them",
}
_NOT_USED = {
    "mask_token": "stands for hidden patches, which only training has",
    "rope_embed.periods": "rotation periods, which the model computes by itself or takes over",
    "local_cls_norm.weight": "norm for small crops, which only training has",
    "local_cls_norm.bias": "norm for small crops, which only training has",
}
_BIAS = ".attn.qkv.bias"
_MASK = ".attn.qkv.bias_mask"
_JOINED = 8192  # the only published linear head: of the 7B model, width 4,096
_ROUNDING = 0.02  # of periods computed in bfloat16, relative


def recognise(file: WeightsFile) -> bool:
    """Recognise a ViT with rotation periods, or the linear head alone."""
    return _is_linear_head(file.tensors) or _prefix(file.tensors) is not None


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Keep the backbone; biases go where the target has them."""
    if _is_linear_head(file.tensors):
        return _refused(file)
    prefix = _prefix(file.tensors) or ""
    inner = under(file.tensors, prefix)
    dropped = [(name, _BESIDE[name.partition(".")[0]]) for name in file.tensors if not name.startswith(prefix)]
    dropped += [(prefix + name, reason) for name, reason in _NOT_USED.items() if name in inner]
    dropped += [(prefix + name, "taken into the bias") for name in inner if name.endswith(_MASK)]
    rest = {
        name: tensor for name, tensor in inner.items() if name not in _NOT_USED and not name.endswith((_BIAS, _MASK))
    }
    gated = any(".mlp.w1." in name for name in inner)
    renamed = (_GATED if gated else TABLE).rename(rest)
    biases, why_not = _biases(inner, target)
    if not biases:
        dropped += [(prefix + name, "all zeros, as good as none") for name in inner if name.endswith(_BIAS)]
    periods = inner["rope_embed.periods"]
    heads = rest["cls_token"].shape[-1] // (4 * len(periods)) if "cls_token" in rest else None
    return Translation(
        renamed.state | biases,
        dropped=tuple(dropped),
        leftover=tuple(prefix + name for name in renamed.leftover),
        preprocessing=dict(IMAGENET),
        conventions=Conventions(
            activation=None if gated else "gelu", norm_eps=1e-5, num_heads=heads, rope_periods=_rounded(periods, target)
        ),
        trained_for="DINOv3 self-supervision" + ("" if "linear_head.weight" in file.tensors else "; no classifier"),
        licence="DINOv3 License",
        arguments={"global_pool": "token"},
        unfit=why_not or _misfit(inner, target),
    )


def _prefix(tensors: Mapping[str, Tensor]) -> str | None:
    """Return what stands before the backbone's names, ``None`` where the file holds none of DINOv3's."""
    for prefix in ("", _BACKBONE):
        if f"{prefix}rope_embed.periods" not in tensors or f"{prefix}pos_embed" in tensors:
            continue
        beside = {name.partition(".")[0] for name in tensors if not name.startswith(prefix)}
        own = any(name.startswith(f"{prefix}blocks.") and ".attn.qkv." in name for name in tensors)
        if own and beside <= _BESIDE.keys() and bool(beside) == bool(prefix):
            return prefix
    return None


def _biases(inner: Mapping[str, Tensor], target: Target | None) -> tuple[dict[str, Tensor], str]:
    """Return the biases of query and value under timm's names, none if there is no place for them; or why not."""
    found: dict[str, Tensor] = {}
    for name, bias in inner.items():
        if not name.endswith(_BIAS):
            continue
        block = name.removesuffix(_BIAS)
        mask = inner.get(block + _MASK)
        # the mask is a constant; where it holds 0 the value of the bias never counts
        counting = bias if mask is None else torch.where(mask == 0, torch.zeros_like(bias), bias)
        query, key, value = counting.chunk(3)
        if torch.count_nonzero(key):
            return found, "its keys have a bias, which timm's Eva has not."
        found |= {f"{block}.attn.q_bias": query, f"{block}.attn.v_bias": value}
    zero = not any(bool(torch.count_nonzero(bias)) for bias in found.values())
    has_place = "blocks.0.attn.q_bias" in target.shapes if target is not None else not zero
    if has_place or zero:
        return (found if has_place else {}), ""
    return {}, "its query and value have biases, the model's have none; take the timm model with _qkvb behind its name."


def _misfit(inner: Mapping[str, Tensor], target: Target | None) -> str:
    if any(name.startswith("cls_norm.") for name in inner):
        return "it has one last norm for the class token and another for patches, timm's Eva has one for both."
    if target is None:
        return ""
    own = _own_periods(target)
    theirs = inner["rope_embed.periods"].float()
    if own is None:
        return (
            "its positions are rotations in every block (RoPE), which the model has not; take one of timm's *_dinov3."
        )
    if own.shape != theirs.shape:
        return f"its rotations have {len(theirs)} periods, the model's {len(own)}: another number of heads."
    if not own.is_meta and not torch.allclose(own, theirs, rtol=_ROUNDING, atol=0):
        return "its rotations have other periods than the model's."
    return ""


def _own_periods(target: Target) -> Tensor | None:
    periods = getattr(getattr(target.module, "rope", None), "periods", None)
    return periods if isinstance(periods, Tensor) else None


def _rounded(periods: Tensor, target: Target | None) -> tuple[float, ...] | None:
    """Return the file's periods where the model's are not the same, which is so where they were rounded."""
    own = _own_periods(target) if target is not None else None
    if own is None or own.is_meta or own.shape != periods.shape or torch.allclose(own, periods.float(), rtol=1e-6):
        return None
    return tuple(periods.float().tolist())


def _is_linear_head(tensors: Mapping[str, Tensor]) -> bool:
    weight = tensors.get("weight")
    return tensors.keys() <= {"weight", "bias"} and weight is not None and tuple(weight.shape) == (1000, _JOINED)


def _refused(file: WeightsFile) -> Translation:
    return Translation(
        {},
        dropped=tuple((name, "linear classifier for joined features") for name in file.tensors),
        trained_for="a linear classifier on frozen DINOv3 features",
        unfit=(
            f"it holds a linear classifier for {_JOINED} features (class token and averaged patches, joined) and no "
            "network; give the backbone's file, dinov3_*_pretrain_*.pth."
        ),
    )
