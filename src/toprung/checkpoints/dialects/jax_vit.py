"""Vision transformers of google-research/vision_transformer and big_vision, as npz (Dosovitskiy et al. 2021).

Facts:

- Flax keeps dense kernels as (in, out), convolutions as (h, w, in, out), and the attention's query, key and value as
  (D, heads, D/heads) with biases (heads, D/heads): the number of heads can be read;
- a block is ``Transformer/encoderblock_i``. Old Flax numbered its layers through (``LayerNorm_0``,
  ``MultiHeadDotProductAttention_1``, ``LayerNorm_2``, ``MlpBlock_3``), Linen counts each kind from 0 (``LayerNorm_1``,
  ``MlpBlock_0``); scanned files have one ``Transformer/encoderblock`` with the blocks as first axis of every tensor;
- positions are ``Transformer/posembed_input/pos_embedding`` in vision_transformer, ``Transformer/pos_embedding`` in
  big_vision before 2022 and ``pos_embedding`` since. The first two have a row for the class token, the last has none:
  the token joins after the positions were added. A square number of rows tells;
- big_vision's ``MAPHead_0`` pools by attention behind ``encoder_norm`` (timm's ``attn_pool``); early files have its
  layers at the top. Models without class token and without it average behind ``encoder_norm``;
- big_vision's plain baselines have sines and cosines for positions, computed and not saved: a file without positions
  may be one of these or be incomplete, which nothing tells, and is refused;
- hybrids put a ResNet in front (``conv_root``, ``block1/unit1``);
- Flax's GELU is the tanh approximation unless told otherwise; LayerNorm epsilon 1e-6; mean and std 0.5;
- fine-tuning starts the head from zeros; published ImageNet-21k files have ``pre_logits`` (with tanh) or not;
- its own code resizes positions linearly between the outermost places (scipy's zoom of order 1), not antialiased.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from torch import Tensor

from toprung.checkpoints.dialects import HALF, HeadStart, Target, Translation, _flax_resnet
from toprung.checkpoints.dialects._flax import Rule, dense, norm, turned
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

__all__ = ["NAME", "TABLE", "recognise", "translate", "turned"]

NAME = "JAX ViT (npz)"

_BLOCK, _OURS = "Transformer/encoderblock_{i}", "blocks.{i}"
_STACK = "Transformer/encoderblock/"
_POOL = "MAPHead_0"
_INLINE = ("probe", "MlpBlock_0/", "MultiHeadDotProductAttention_0/", "LayerNorm_0/")


def _around() -> list[Rule]:
    asks = f"{_POOL}/MultiHeadDotProductAttention_0"
    return [
        ("cls", "cls_token"),
        *dense("embedding", "patch_embed.proj"),
        *norm("Transformer/encoder_norm", "norm"),
        (f"{_POOL}/probe", "attn_pool.latent"),
        *dense(f"{asks}/query", "attn_pool.q"),
        *dense((f"{asks}/key", f"{asks}/value"), "attn_pool.kv"),
        *dense(f"{asks}/out", "attn_pool.proj"),
        *norm(f"{_POOL}/LayerNorm_0", "attn_pool.norm"),
        *dense(f"{_POOL}/MlpBlock_0/Dense_0", "attn_pool.mlp.fc1"),
        *dense(f"{_POOL}/MlpBlock_0/Dense_1", "attn_pool.mlp.fc2"),
        *dense("head", "head"),
    ]


def _table(positions: str, attention: int, second_norm: int, mlp: int, *, blocks: bool = True) -> NameTable:
    """Return the names, with the number that each kind of layer has in a block."""
    inside = f"{_BLOCK}/MultiHeadDotProductAttention_{attention}"
    return NameTable(
        [
            *_around(),
            *_flax_resnet.rules(blocks=blocks),
            (positions, "pos_embed"),
            *dense(tuple(f"{inside}/{part}" for part in ("query", "key", "value")), f"{_OURS}.attn.qkv"),
            *dense(f"{inside}/out", f"{_OURS}.attn.proj"),
            *dense(f"{_BLOCK}/MlpBlock_{mlp}/Dense_0", f"{_OURS}.mlp.fc1"),
            *dense(f"{_BLOCK}/MlpBlock_{mlp}/Dense_1", f"{_OURS}.mlp.fc2"),
            *norm(f"{_BLOCK}/LayerNorm_0", f"{_OURS}.norm1"),
            *norm(f"{_BLOCK}/LayerNorm_{second_norm}", f"{_OURS}.norm2"),
        ]
    )


_POSITIONS = ("Transformer/posembed_input/pos_embedding", "Transformer/pos_embedding", "pos_embedding")
TABLE = _table(_POSITIONS[0], 1, 2, 3)


def recognise(file: WeightsFile) -> bool:
    """Recognise Flax's blocks and one patch embedding; two towers (``img/``) are others."""
    return _heads(file.tensors) is not None and "embedding/kernel" in file.tensors


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Rename, and turn every kernel as PyTorch keeps it."""
    kept, dropped = _without_representation(file.tensors)
    layers, theirs = _laid_out(kept)
    table = _table_for(layers, hybrid_blocks=any(name.startswith("block0/") for name in layers))
    renamed = table.rename({name: turned(name, tensor) for name, tensor in layers.items()})
    state = renamed.state
    hybrid = "conv_root/kernel" in layers
    epsilon = _flax_resnet.standardise_alike(state) if hybrid else None
    if "pos_embed" in state and state["pos_embed"].ndim == 2:
        state["pos_embed"] = state["pos_embed"].unsqueeze(0)
    return Translation(
        state,
        dropped=tuple(dropped),
        leftover=tuple(dict.fromkeys(theirs[name] for name in renamed.leftover)),
        assumptions=_assumptions(hybrid=hybrid),
        preprocessing=dict(HALF),
        conventions=Conventions(
            activation="gelu_tanh", norm_eps=1e-6, num_heads=_heads(file.tensors), std_conv_eps=epsilon
        ),
        antialias=False,
        position_slots=_slots(state),
        head_start=HeadStart("zeros", source="its own fine-tuning"),
        trained_for=_trained_for(state),
        licence="Apache 2.0",
        arguments=_arguments(state),
        unfit=_misfit(state, file.tensors, target),
    )


def _without_representation(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[tuple[str, str]]]:
    """Take out ``pre_logits``, which timm's model does not have, and the head, which reads what it makes."""
    before = [name for name in tensors if name.startswith("pre_logits/")]
    dropped = [(name, "representation layer of ImageNet-21k pretraining") for name in before]
    if before:
        dropped += [(name, "head on top of pre_logits") for name in tensors if name.startswith("head/")]
    out = {name for name, _ in dropped}
    return {name: tensor for name, tensor in tensors.items() if name not in out}, dropped


def _laid_out(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return every layer of its own under today's name, and the file's name of each."""
    layers: dict[str, Tensor] = {}
    theirs: dict[str, str] = {}

    def put(place: str, tensor: Tensor, name: str) -> None:
        place = place if place not in layers else name  # a double goes on under a name that no table knows
        layers[place], theirs[place] = tensor, name

    inline = "probe" in tensors
    for name, tensor in tensors.items():
        if name.startswith(_STACK) and tensor.ndim:
            for index, layer in enumerate(tensor):
                put(f"Transformer/encoderblock_{index}/{name.removeprefix(_STACK)}", layer, name)
        elif inline and name.startswith(_INLINE):
            put(f"{_POOL}/{name}", tensor, name)
        elif name.startswith(("block", "gn_root/")):
            flat = tensor.flatten() if tensor.ndim == 4 and name.endswith(("/scale", "/bias")) else tensor
            put(_flax_resnet.counted_from_zero(name), flat, name)
        else:
            put(name, tensor, name)
    return layers, theirs


def _table_for(names: Iterable[str], *, hybrid_blocks: bool) -> NameTable:
    known = set(names)
    block = "Transformer/encoderblock_0"
    positions = next((name for name in _POSITIONS if name in known), _POSITIONS[0])
    attention = int(f"{block}/MultiHeadDotProductAttention_1/query/kernel" in known)
    second_norm = 2 if f"{block}/LayerNorm_2/scale" in known else 1
    mlp = 3 if f"{block}/MlpBlock_3/Dense_0/kernel" in known else 0
    return _table(positions, attention, second_norm, mlp, blocks=hybrid_blocks)


def _heads(tensors: Mapping[str, Tensor]) -> int | None:
    """Return the number of heads that the first block's query has, ``None`` where there is none."""
    for place, axes in (("Transformer/encoderblock_0/", 3), (_STACK, 4)):
        for number in (1, 0):
            name = f"{place}MultiHeadDotProductAttention_{number}/query/kernel"
            if name in tensors and tensors[name].ndim == axes:
                return tensors[name].shape[-2]
    return None


def _slots(state: Mapping[str, Tensor]) -> int | None:
    """Return 1 where the class token has a row of positions, 0 where all rows are patches'."""
    table = state.get("pos_embed")
    if table is None or table.ndim != 3:
        return None
    rows = table.shape[1]
    if math.isqrt(rows) ** 2 == rows:
        return 0
    return 1 if "cls_token" in state and math.isqrt(rows - 1) ** 2 == rows - 1 else None


def _arguments(state: Mapping[str, Tensor]) -> dict[str, object]:
    if "attn_pool.latent" in state:
        return {"class_token": False, "global_pool": "map"}
    return {} if "cls_token" in state else {"class_token": False, "global_pool": "avg", "fc_norm": False}


def _assumptions(*, hybrid: bool) -> tuple[str, ...]:
    known = ("activation (tanh form of GELU) and norm epsilon: Flax's own, no tensor tells them",)
    if not hybrid:
        return known
    return (*known, "kernels of the ResNet scaled so that the model's weight standardisation gives Flax's values")


def _misfit(state: Mapping[str, Tensor], tensors: Mapping[str, Tensor], target: Target | None) -> str:
    if "pos_embed" not in state:
        return (
            "it has no position embeddings: it is incomplete, or its project computes them (big_vision's sincos2d), "
            "which no tensor tells."
        )
    inside = "MultiHeadDotProductAttention_0/query/kernel"
    query = tensors.get(f"{_POOL}/{inside}", tensors.get(inside))
    own = getattr(getattr(target.module, "attn_pool", None), "num_heads", None) if target is not None else None
    if query is None or query.ndim != 3 or own is None or own == query.shape[1]:
        return ""
    return f"its attention pooling has {query.shape[1]} heads, the model's {own}."


def _trained_for(state: Mapping[str, Tensor]) -> str:
    head = state.get("head.weight")
    if head is None:
        return "a classifier that is not usable any more"
    return {21843: "ImageNet-21k", 1000: "ImageNet-1k"}.get(head.shape[0], f"{head.shape[0]} classes")
