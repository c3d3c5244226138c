"""DINOv3's ViT of Hugging Face transformers (DINOv3ViTModel, DINOv3ViTBackbone).

Facts:

- blocks are ``layer.N`` on disk and ``model.layer.N`` in version 5's memory; the rest is bare; there is no classifier;
- positions are rotations of base 100 that the model computes; there is no table for them; registers come after the
  class token;
- keys have no bias; biases of queries and values are there, but are zero in most published files: timm has each
  architecture with (``_qkvb``) and without them, in its class Eva;
- the MLP of "plus" and 7B models is gated by SiLU: ``gate_proj`` and ``up_proj`` are timm's ``fc1_g`` and ``fc1_x``;
- exact GELU, LayerNorm epsilon 1e-5; ImageNet's mean and std for the web images' files;
- upstream's classifiers read the class token; timm averages the patches unless it is told otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from toprung.checkpoints.dialects import IMAGENET, Target, Translation
from toprung.checkpoints.dialects import _transformers as hf
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable

NAME = "transformers DINOv3"


def _rules(block: str) -> hf.Rules:
    return [
        ("embeddings.cls_token", "cls_token"),
        ("embeddings.register_tokens", "reg_token"),
        ("embeddings.patch_embeddings", "patch_embed.proj"),
        ("norm", "norm"),
        ([f"{block}.attention.{part}_proj.weight" for part in "qkv"], "blocks.{i}.attn.qkv.weight"),
        (f"{block}.attention.q_proj.bias", "blocks.{i}.attn.q_bias"),
        (f"{block}.attention.v_proj.bias", "blocks.{i}.attn.v_bias"),
        (f"{block}.attention.o_proj", "blocks.{i}.attn.proj"),
        (f"{block}.layer_scale{{j}}.lambda1", "blocks.{i}.gamma_{j}"),
        (f"{block}.norm{{j}}", "blocks.{i}.norm{j}"),
    ]


def _plain(block: str) -> hf.Rules:
    return [(f"{block}.mlp.up_proj", "blocks.{i}.mlp.fc1"), (f"{block}.mlp.down_proj", "blocks.{i}.mlp.fc2")]


def _gated(block: str) -> hf.Rules:
    return [
        (f"{block}.mlp.gate_proj", "blocks.{i}.mlp.fc1_g"),
        (f"{block}.mlp.up_proj", "blocks.{i}.mlp.fc1_x"),
        (f"{block}.mlp.down_proj", "blocks.{i}.mlp.fc2"),
    ]


_DISK, _MEMORY = "layer.{i}", "model.layer.{i}"
TABLE = NameTable([*_rules(_DISK), *_plain(_DISK)])
_TABLES = (TABLE, NameTable([*_rules(_MEMORY), *_plain(_MEMORY)]))
_GATED_TABLES = tuple(NameTable([*_rules(block), *_gated(block)]) for block in (_DISK, _MEMORY))

_MARKS = {"embeddings.cls_token", "embeddings.register_tokens", "embeddings.patch_embeddings.weight"}
_BLOCKS = ("layer.0.layer_scale1.lambda1", "model.layer.0.layer_scale1.lambda1")
_NO_BIASES = "zeros; the model has no biases there"


def recognise(file: WeightsFile) -> bool:
    """Recognise the library's names: registers, patches without a ``projection``, layer scale."""
    names = file.tensors.keys()
    return hf.is_type(file, "dinov3_vit") and names >= _MARKS and any(block in names for block in _BLOCKS)


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Join the matrices of query, key and value; leave out biases of zeros where the model has none."""
    gated = any(".mlp.gate_proj." in name for name in file.tensors)
    names = hf.rename(file.tensors, "", (hf.MASK_TOKEN,), *(_GATED_TABLES if gated else _TABLES))
    state = names.state
    dropped = list(names.dropped)
    if "reg_token" in state and not state["reg_token"].numel():
        del state["reg_token"]
        dropped.append(("embeddings.register_tokens", "empty: there are no registers"))
    dropped += _without_zero_biases(state, file, target)
    how = hf.computing(file.config, None if gated else "gelu", 1e-5)
    biases = "blocks.0.attn.q_bias" in state
    return Translation(
        state,
        dropped=tuple(dropped),
        leftover=names.leftover,
        assumptions=how.assumptions,
        preprocessing=dict(IMAGENET),
        conventions=how.conventions,
        trained_for="DINOv3 self-supervision; no classifier",
        licence="DINOv3 License for the published files",
        arguments={"qkv_bias": True} if biases else {},
        unfit=how.unfit or _unfit(file.config, target, gated=gated, biases=biases),
    )


def _without_zero_biases(state: dict[str, Tensor], file: WeightsFile, target: Target | None) -> list[tuple[str, str]]:
    """Take biases of zeros out where the model has no place for them; others stay and are refused there."""
    if target is not None and any(name.endswith(".attn.q_bias") for name in target.shapes):
        return []
    mine = [name for name in state if name.endswith((".attn.q_bias", ".attn.v_bias"))]
    if any(bool(torch.count_nonzero(state[name])) for name in mine):
        return []
    theirs = {id(tensor): name for name, tensor in file.tensors.items()}
    return [(theirs[id(state.pop(name))], _NO_BIASES) for name in mine]


def _unfit(config: Mapping[str, Any], target: Target | None, *, gated: bool, biases: bool) -> str:
    act = config.get("hidden_act")
    if gated and act not in (None, "silu"):
        return f"its gated MLPs compute with {act!r}, the model's with SiLU"
    if target is None:
        return ""
    if target.kind != "Eva":
        return "DINOv3 turns queries and keys by position; only timm's vit_*_dinov3 models do"
    rope: Any = getattr(target.module, "rope", None)
    base = getattr(rope, "temperature", None)
    if config and base is not None and config.get("rope_theta", 100.0) != base:
        return f"its positions turn with base {config.get('rope_theta')}, the model's with {base:g}"
    blocks: Any = target.module.get_submodule("blocks.0.attn")
    heads = config.get("num_attention_heads")
    if heads is not None and heads != blocks.num_heads:  # the rotations are built for one width of head
        return f"it has {heads} attention heads, the model {blocks.num_heads}; build the model with num_heads={heads}"
    if biases and "blocks.0.attn.q_bias" not in target.shapes:
        return "its queries and values have biases; build the model with qkv_bias=True (timm's names with _qkvb)"
    return ""
