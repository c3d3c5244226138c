"""Vision transformers of google-research/vision_transformer and big_vision, as npz (Dosovitskiy et al. 2021).

Facts:

- Flax keeps dense kernels as (in, out), convolutions as (h, w, in, out), and the attention's query, key and value as
  (D, heads, D/heads) with biases (heads, D/heads): the number of heads can be read;
- a block is ``Transformer/encoderblock_i`` with ``LayerNorm_0``, ``MultiHeadDotProductAttention_1``, ``LayerNorm_2``
  and ``MlpBlock_3``; big_vision counts each kind of layer from 0 (``LayerNorm_1``, ``MlpBlock_0``);
- Flax's GELU is the tanh approximation unless told otherwise; LayerNorm epsilon 1e-6; mean and std 0.5;
- fine-tuning starts the head from zeros; published ImageNet-21k files have ``pre_logits`` or not;
- its own code resizes positions linearly (scipy's zoom of order 1); here they are resized as timm does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from toprung.checkpoints.dialects import HALF, HeadStart, Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "JAX ViT (npz)"

_BLOCK = "Transformer/encoderblock_{i}/"


def _block(attention: int, second_norm: int, mlp: int) -> list[tuple[str | tuple[str, ...], str]]:
    inside = f"{_BLOCK}MultiHeadDotProductAttention_{attention}/"
    parts = {"kernel": "weight", "bias": "bias"}
    rules: list[tuple[str | tuple[str, ...], str]] = []
    for theirs, ours in parts.items():
        joined = tuple(f"{inside}{part}/{theirs}" for part in ("query", "key", "value"))
        rules += [
            (joined, f"blocks.{{i}}.attn.qkv.{ours}"),
            (f"{inside}out/{theirs}", f"blocks.{{i}}.attn.proj.{ours}"),
            (f"{_BLOCK}MlpBlock_{mlp}/Dense_0/{theirs}", f"blocks.{{i}}.mlp.fc1.{ours}"),
            (f"{_BLOCK}MlpBlock_{mlp}/Dense_1/{theirs}", f"blocks.{{i}}.mlp.fc2.{ours}"),
        ]
    for theirs, ours in (("scale", "weight"), ("bias", "bias")):
        rules += [
            (f"{_BLOCK}LayerNorm_0/{theirs}", f"blocks.{{i}}.norm1.{ours}"),
            (f"{_BLOCK}LayerNorm_{second_norm}/{theirs}", f"blocks.{{i}}.norm2.{ours}"),
        ]
    return rules


_AROUND: list[tuple[str | tuple[str, ...], str]] = [
    ("cls", "cls_token"),
    ("embedding/kernel", "patch_embed.proj.weight"),
    ("embedding/bias", "patch_embed.proj.bias"),
    ("Transformer/encoder_norm/scale", "norm.weight"),
    ("Transformer/encoder_norm/bias", "norm.bias"),
    ("head/kernel", "head.weight"),
    ("head/bias", "head.bias"),
]
TABLE = NameTable([*_AROUND, ("Transformer/posembed_input/pos_embedding", "pos_embed"), *_block(1, 2, 3)])
BIG_VISION = NameTable([*_AROUND, ("pos_embedding", "pos_embed"), *_block(0, 1, 0)])

_FIRST = "Transformer/encoderblock_0/MultiHeadDotProductAttention_"


def recognise(file: WeightsFile) -> bool:
    """Recognise Flax's blocks and one patch embedding; two towers (``img/``) and hybrids are others."""
    names = file.tensors.keys()
    blocks = f"{_FIRST}1/query/kernel" in names or f"{_FIRST}0/query/kernel" in names
    return blocks and "embedding/kernel" in names and "conv_root/kernel" not in names


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Rename, and turn every kernel as PyTorch keeps it."""
    old = f"{_FIRST}1/query/kernel" in file.tensors
    table, attention = (TABLE, 1) if old else (BIG_VISION, 0)
    heads = file.tensors[f"{_FIRST}{attention}/query/kernel"].shape[1]
    dropped = [(name, "representation layer of ImageNet-21k pretraining") for name in file.tensors if _is_pre(name)]
    kept = {name: turned(name, tensor) for name, tensor in file.tensors.items() if not _is_pre(name)}
    if dropped:  # that head reads what pre_logits makes
        dropped += [(name, "head on top of pre_logits") for name in kept if name.startswith("head/")]
        kept = {name: tensor for name, tensor in kept.items() if not name.startswith("head/")}
    renamed = table.rename(kept)
    state = renamed.state
    if "pos_embed" in state and state["pos_embed"].ndim == 2:
        state["pos_embed"] = state["pos_embed"].unsqueeze(0)
    averages = "cls_token" not in state
    return Translation(
        state,
        dropped=tuple(dropped),
        leftover=renamed.leftover,
        preprocessing=dict(HALF),
        conventions=Conventions(activation="gelu_tanh", norm_eps=1e-6, num_heads=heads),
        head_start=HeadStart("zeros", source="its own fine-tuning"),
        trained_for=_trained_for(state),
        licence="Apache 2.0",
        arguments={"class_token": False, "global_pool": "avg", "fc_norm": False} if averages else {},
    )


def turned(name: str, tensor: Tensor) -> Tensor:
    """Return a Flax tensor with PyTorch's axes."""
    place, _, leaf = name.rpartition("/")
    part = place.rpartition("/")[2]
    if part in ("query", "key", "value"):
        return tensor.flatten(1).T if leaf == "kernel" else tensor.flatten()
    if part == "out" and leaf == "kernel":
        return tensor.flatten(0, 1).T
    if leaf == "kernel" and tensor.ndim == 4:
        return tensor.permute(3, 2, 0, 1)
    return tensor.T if leaf == "kernel" and tensor.ndim == 2 else tensor


def _is_pre(name: str) -> bool:
    return re.match(r"pre_logits/", name) is not None


def _trained_for(state: Mapping[str, Tensor]) -> str:
    head = state.get("head.weight")
    if head is None:
        return "a classifier that is not usable any more"
    return {21843: "ImageNet-21k", 1000: "ImageNet-1k"}.get(head.shape[0], f"{head.shape[0]} classes")
