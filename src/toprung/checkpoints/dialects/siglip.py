"""SigLIP (Zhai et al. 2023, arXiv 2303.15343), SigLIP2 and PaliGemma's picture towers, npz files of big_vision.

Facts:

- the picture tower hangs under ``params/img/``, the text tower under ``params/txt/`` (PaliGemma's language model under
  ``params/llm/``), temperature and bias of the loss are ``params/t`` and ``params/b``;
- layers are kept as Flax keeps them: dense kernels as (in, out), the attention's as (D, heads, D/heads), so that the
  number of heads can be read; blocks are ``encoderblock_i``, or one ``encoderblock`` in which every tensor has the
  blocks as its first axis;
- ``MAPHead_0`` pools by attention: ``probe`` asks, then a norm and an MLP; that is timm's ``attn_pool``. It comes
  behind ``encoder_norm``. PaliGemma's tower has none, and ``head`` leads to the language model;
- NaFlex files cut pictures into patches first: the patch embedding is a matrix over (row, column, colour), and
  ``pos_embedding`` is a map (rows, columns, D);
- a class token (``cls``, where there is one) has no row in ``pos_embedding``, but in old files;
- all MLPs compute with the tanh form of GELU, LayerNorm epsilon 1e-6; mean and std 0.5.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from torch import Tensor

from toprung.checkpoints.dialects import HALF, Target, Translation
from toprung.checkpoints.dialects.jax_vit import turned
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "SigLIP (big_vision npz)"

_Rule = tuple[str | tuple[str, ...], str]


def _dense(theirs: str | tuple[str, ...], ours: str) -> list[_Rule]:
    if isinstance(theirs, str):
        return [(f"{theirs}/kernel", f"{ours}.weight"), (f"{theirs}/bias", f"{ours}.bias")]
    return [
        (tuple(f"{part}/{theirs_leaf}" for part in theirs), f"{ours}.{leaf}")
        for theirs_leaf, leaf in (("kernel", "weight"), ("bias", "bias"))
    ]


def _norm(theirs: str, ours: str) -> list[_Rule]:
    return [(f"{theirs}/scale", f"{ours}.weight"), (f"{theirs}/bias", f"{ours}.bias")]


_BLOCK, _OURS = "img/Transformer/encoderblock_{i}", "blocks.{i}"
_INSIDE = f"{_BLOCK}/MultiHeadDotProductAttention_0"
_POOL = "img/MAPHead_0"
_ASKS = f"{_POOL}/MultiHeadDotProductAttention_0"
TABLE = NameTable(
    [
        ("img/cls", "cls_token"),
        ("img/pos_embedding", "pos_embed"),
        *_dense("img/embedding", "patch_embed.proj"),
        *_norm(f"{_BLOCK}/LayerNorm_0", f"{_OURS}.norm1"),
        *_norm(f"{_BLOCK}/LayerNorm_1", f"{_OURS}.norm2"),
        *_dense(tuple(f"{_INSIDE}/{part}" for part in ("query", "key", "value")), f"{_OURS}.attn.qkv"),
        *_dense(f"{_INSIDE}/out", f"{_OURS}.attn.proj"),
        *_dense(f"{_BLOCK}/MlpBlock_0/Dense_0", f"{_OURS}.mlp.fc1"),
        *_dense(f"{_BLOCK}/MlpBlock_0/Dense_1", f"{_OURS}.mlp.fc2"),
        *_norm("img/Transformer/encoder_norm", "norm"),
        (f"{_POOL}/probe", "attn_pool.latent"),
        *_dense(f"{_ASKS}/query", "attn_pool.q"),
        *_dense((f"{_ASKS}/key", f"{_ASKS}/value"), "attn_pool.kv"),
        *_dense(f"{_ASKS}/out", "attn_pool.proj"),
        *_norm(f"{_POOL}/LayerNorm_0", "attn_pool.norm"),
        *_dense(f"{_POOL}/MlpBlock_0/Dense_0", "attn_pool.mlp.fc1"),
        *_dense(f"{_POOL}/MlpBlock_0/Dense_1", "attn_pool.mlp.fc2"),
    ]
)

_STACK = "img/Transformer/encoderblock/"
_QUERY = "MultiHeadDotProductAttention_0/query/kernel"
_SPARE = (
    (re.compile(r"txt/.+"), "text tower"),
    (re.compile(r"llm/.+"), "language model"),
    (re.compile(r"t"), "temperature of the contrastive loss"),
    (re.compile(r"b"), "bias of the contrastive loss"),
    (re.compile(r"img/head/(kernel|bias)"), "projection to the texts' space"),
)


def recognise(file: WeightsFile) -> bool:
    """Recognise big_vision's picture tower under ``img/``."""
    names = file.tensors.keys()
    return _heads(file.tensors) is not None and "img/embedding/kernel" in names


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Keep the picture tower, and turn every kernel as PyTorch keeps it."""
    dropped, kept, stacked = [], {}, {}
    for name, tensor in file.tensors.items():
        reason = next((reason for pattern, reason in _SPARE if pattern.fullmatch(name)), None)
        if reason is not None:
            dropped.append((name, reason))
        elif name.startswith(_STACK) and tensor.ndim:
            for index, layer in enumerate(tensor):
                kept[one := f"img/Transformer/encoderblock_{index}/{name.removeprefix(_STACK)}"] = layer
                stacked[one] = name
        else:
            kept[name] = tensor
    renamed = TABLE.rename({name: turned(name, tensor) for name, tensor in kept.items()})
    state = renamed.state
    told = _unfold_patches(state)
    averages = "attn_pool.latent" not in state
    return Translation(
        state,
        dropped=tuple(dropped),
        leftover=tuple(dict.fromkeys(stacked.get(name, name) for name in renamed.leftover)),
        assumptions=("activation and norm epsilon: Flax's own, no tensor tells them", *told),
        preprocessing=dict(HALF),
        conventions=Conventions(activation="gelu_tanh", norm_eps=1e-6, num_heads=_heads(file.tensors)),
        antialias=False,
        position_slots=None if "cls_token" in state else 0,
        trained_for="contrastive pretraining on pictures and texts; no classifier",
        licence="Apache 2.0",
        arguments={"global_pool": "avg", "fc_norm": False} if averages else {},
        unfit=_misfit(file.tensors, target),
    )


def _heads(tensors: Mapping[str, Tensor]) -> int | None:
    """Return the number of heads that the first block's query has, ``None`` where there is none."""
    for name, axes in ((f"{_STACK}{_QUERY}", 4), (f"img/Transformer/encoderblock_0/{_QUERY}", 3)):
        if name in tensors and tensors[name].ndim == axes:
            return tensors[name].shape[-2]
    return None


def _unfold_patches(state: dict[str, Tensor]) -> tuple[str, ...]:
    """Make NaFlex's matrix a convolution and its map of positions rows."""
    table, matrix = state.get("pos_embed"), state.get("patch_embed.proj.weight")
    if matrix is not None and matrix.ndim == 2:
        side = math.isqrt(matrix.shape[1] // 3)
        if 3 * side * side == matrix.shape[1]:
            state["patch_embed.proj.weight"] = matrix.unflatten(1, (side, side, 3)).permute(0, 3, 1, 2).contiguous()
    if table is None or table.ndim != 3 or table.shape[0] == 1 or table.shape[0] != table.shape[1]:
        return ()
    state["pos_embed"] = table.flatten(0, 1).unsqueeze(0)
    return ("trained on pictures of many shapes (NaFlex); its own code resizes positions bilinearly",)


def _misfit(tensors: Mapping[str, Tensor], target: Target | None) -> str:
    query = tensors.get(f"{_ASKS}/query/kernel")
    pool = getattr(target.module, "attn_pool", None) if target is not None else None
    own = getattr(pool, "num_heads", None)
    if query is None or query.ndim != 3 or own is None or own == query.shape[1]:
        return ""
    return f"its attention pooling has {query.shape[1]} heads, the model's {own}."
