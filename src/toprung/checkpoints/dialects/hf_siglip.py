"""SigLIP's and SigLIP2's vision tower in Hugging Face transformers (SiglipModel, SiglipVisionModel, Siglip2Model, ...).

Facts:

- the tower hangs under ``vision_model.``; since version 5 the vision classes write it bare; names are the same on disk
  and in memory; there is no class token;
- ``head.`` pools by attention: ``probe`` asks, ``attention`` has query, key and value in one matrix, then a norm and an
  MLP; that is timm's ``attn_pool``. ``post_layernorm`` comes before it;
- SiglipForImageClassification averages the patches after ``post_layernorm`` and does not use ``head.``;
- the fixed-resolution files of SigLIP2 are of type ``siglip``; NaFlex ones (``siglip2``) cut pictures into patches
  first, so their patch embedding is a matrix over (row, column, colour), and resize positions bilinearly with
  antialiasing;
- the MLPs compute with the tanh form of GELU by default, LayerNorm epsilon 1e-6; mean and std 0.5;
- position embeddings of SigLIP are resized bicubically without antialiasing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from toprung.checkpoints.dialects import HALF, Target, Translation
from toprung.checkpoints.dialects import _transformers as hf
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable

NAME = "transformers SigLIP"
TABLE = NameTable(
    [
        ("embeddings.position_embedding.weight", "pos_embed"),
        ("embeddings.patch_embedding", "patch_embed.proj"),
        ("post_layernorm", "norm"),
        ("head.probe", "attn_pool.latent"),
        ("head.attention.out_proj", "attn_pool.proj"),
        ("head.layernorm", "attn_pool.norm"),
        ("head.mlp.fc1", "attn_pool.mlp.fc1"),
        ("head.mlp.fc2", "attn_pool.mlp.fc2"),
        ("head.attention.in_proj_{p}", "attn_pool.in_proj.{p}"),  # cut into q and kv afterwards
        ("classifier", "head"),
        *hf.TOWER_BLOCKS,
    ]
)

_PREFIX = "vision_model."
_SPARE = (
    ("text_model.", "text tower"),
    ("logit_scale", "temperature of the contrastive loss"),
    ("logit_bias", "bias of the contrastive loss"),
    ("embeddings.position_ids", "computed by the model"),
)
_CLASSIFIER = ("classifier.", "head on averaged patches; the model pools by attention")
_POOLING = ("head.", "attention pooling; the model pools by average")
_MARKS = {
    "embeddings.position_embedding.weight",
    "embeddings.patch_embedding.weight",
    "encoder.layers.0.self_attn.q_proj.weight",
    "post_layernorm.weight",
}


def recognise(file: WeightsFile) -> bool:
    """Recognise the library's vision tower without a class token and without a norm before the blocks."""
    names = hf.inner_names(file, _PREFIX)
    clip = any(name in names for name in ("embeddings.class_embedding", "pre_layrnorm.weight"))
    types = ("siglip", "siglip_vision_model", "siglip2", "siglip2_vision_model")
    return hf.is_type(file, *types) and names >= _MARKS and not clip


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Keep the vision tower; its attention pooling is timm's."""
    averages = target is not None and "attn_pool.latent" not in target.shapes
    pools = target is not None and averages and getattr(target.module, "global_pool", "") == "avg"
    spare = (*_SPARE, *((_POOLING,) if pools else ()), *(() if averages else (_CLASSIFIER,)))
    names = hf.rename(file.tensors, hf.prefix_of(file.tensors, _PREFIX), spare, TABLE)
    state = names.state
    hf.reshape(state, "pos_embed", lambda tensor: tensor.unsqueeze(0))
    _cut_attention(state)
    config = _vision(file.config)
    how = hf.computing(config, "gelu_pytorch_tanh", 1e-6)
    told = _unfold_patches(state, target)
    pooled = "attn_pool.latent" in state
    return Translation(
        state,
        dropped=names.dropped,
        leftover=names.leftover,
        assumptions=(*how.assumptions, *told),
        preprocessing=dict(HALF),
        conventions=how.conventions,
        antialias=False,
        position_slots=0,
        grid=hf.grid_of(config, state.get("pos_embed"), 0),
        trained_for="contrastive pretraining on pictures and texts; no classifier",
        arguments={} if pooled and "head.weight" not in state else {"global_pool": "avg", "fc_norm": False},
        classes=hf.classes_of(file.config, state.get("head.weight")),
        unfit=how.unfit,
    )


def _cut_attention(state: dict[str, Tensor]) -> None:
    for leaf in ("weight", "bias"):
        whole = state.pop(f"attn_pool.in_proj.{leaf}", None)
        if whole is not None:
            width = whole.shape[0] // 3
            state[f"attn_pool.q.{leaf}"] = whole[:width]
            state[f"attn_pool.kv.{leaf}"] = whole[width:]


def _unfold_patches(state: dict[str, Tensor], target: Target | None) -> tuple[str, ...]:
    """Make NaFlex's matrix a convolution, and give positions the model's grid as its own code does."""
    matrix, table = state.get("patch_embed.proj.weight"), state.get("pos_embed")
    if matrix is None or table is None or matrix.ndim != 2:
        return ()
    side, before = math.isqrt(matrix.shape[1] // 3), math.isqrt(table.shape[1])
    if 3 * side * side != matrix.shape[1] or before * before != table.shape[1]:
        return ()
    state["patch_embed.proj.weight"] = matrix.unflatten(1, (side, side, 3)).permute(0, 3, 1, 2).contiguous()
    grid = getattr(getattr(target.module, "patch_embed", None), "grid_size", None) if target is not None else None
    if grid is None or tuple(grid) == (before, before):
        return ()
    image = table.float().unflatten(1, (before, before)).permute(0, 3, 1, 2)
    resized = F.interpolate(image, size=tuple(grid), mode="bilinear", align_corners=False, antialias=True)
    state["pos_embed"] = resized.permute(0, 2, 3, 1).flatten(1, 2)
    return (f"positions resized bilinearly, antialiased, {before}×{before} -> {grid[0]}×{grid[1]}, as its own code",)


def _vision(config: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = config.get("vision_config")
    return inner if isinstance(inner, Mapping) else config
