"""Vision Transformers of OpenMMLab's MMPretrain (and MMClassification before it): ViT, DeiT, MAE, DINOv2, CLIP.

Facts:

- files are ``{"meta", "state_dict"}``; the network lies under ``backbone.``, the classifier beside it in ``head.`` (a
  ``layers`` sequence, or ``fc`` where the head is linear only), what pretraining needs in ``neck.``; backbones are
  published bare, too;
- a block is ``ln1``, ``attn.qkv``, ``attn.proj``, ``ln2`` and mmcv's FFN, ``ffn.layers.0.0`` and ``ffn.layers.1``, or
  DINOv2's ``ffn.w12`` and ``ffn.w3``; queries, keys and values are in timm's order;
- layer scale is ``attn.gamma1.weight`` and ``ffn.gamma2.weight``;
- the backbone's ``ln1`` is the last norm of all tokens, its ``ln2`` is the norm after the average of the patches, and
  ``pre_norm`` stands before the blocks (CLIP, which has no bias in its patch embedding);
- every token has a row of ``pos_embed``, but DeiT III's class token has none;
- with a hidden dimension the head has ``layers.pre_logits``, a layer with tanh; timm has none;
- exact GELU and LayerNorm epsilon 1e-6 are the defaults, and CLIP's configurations replace them;
- a fresh head starts from zeros; positions are resized bicubically without antialiasing;
- ViT was trained with mean and std 0.5, DeiT and MAE with ImageNet's: only the configuration in ``meta`` tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toprung.checkpoints.dialects import HALF, IMAGENET, HeadStart, Target, Translation
from toprung.checkpoints.dialects._vit import slots_of
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "MMPretrain ViT"

_BLOCK = "layers.{i}."
_RULES = [
    *((name, name) for name in ("cls_token", "dist_token", "pos_embed")),
    ("patch_embed.projection", "patch_embed.proj"),
    ("pre_norm", "norm_pre"),
    (f"{_BLOCK}ln1", "blocks.{i}.norm1"),
    (f"{_BLOCK}attn.qkv", "blocks.{i}.attn.qkv"),
    (f"{_BLOCK}attn.proj", "blocks.{i}.attn.proj"),
    (f"{_BLOCK}attn.gamma1.weight", "blocks.{i}.ls1.gamma"),
    (f"{_BLOCK}ln2", "blocks.{i}.norm2"),
    (f"{_BLOCK}ffn.gamma2.weight", "blocks.{i}.ls2.gamma"),
    ("ln1", "norm"),
    ("ln2", "fc_norm"),
    ("head.layers.head_dist", "head_dist"),
]
_HEADS = (("head.layers.head", "head"), ("head.fc", "head"))
_PLAIN = [(f"{_BLOCK}ffn.layers.0.0", "blocks.{i}.mlp.fc1"), (f"{_BLOCK}ffn.layers.1", "blocks.{i}.mlp.fc2")]
_GATED = [(f"{_BLOCK}ffn.w12", "blocks.{i}.mlp.fc1"), (f"{_BLOCK}ffn.w3", "blocks.{i}.mlp.fc2")]
TABLE = NameTable([*_RULES, *_PLAIN, _HEADS[0]])

_BACKBONE = "backbone."
_MARKS = {"patch_embed.projection.weight", "layers.0.ln1.weight", "layers.0.attn.qkv.weight"}
_GATE = "layers.0.ffn.w12.weight"
_BESIDE = {
    "neck": "neck of pretraining (decoder or projector), not needed to classify",
    "target_generator": "makes the targets of pretraining, not needed to classify",
    "data_preprocessor": "mean and std of pixels, which the data pipeline applies",
}


def recognise(file: WeightsFile) -> bool:
    """Recognise blocks in ``layers`` with ``ln1`` and mmcv's FFN, bare or under ``backbone.``."""
    names = {name.removeprefix(_BACKBONE) for name in file.tensors}
    return names >= _MARKS and bool(names & {"layers.0.ffn.layers.0.0.weight", _GATE})


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Rename the backbone and a head that stands on it directly."""
    prefix = _BACKBONE if any(name.startswith(_BACKBONE) for name in file.tensors) else ""
    represented = "head.layers.pre_logits.weight" in file.tensors
    pretraining = any(name.startswith("neck.") for name in file.tensors)
    kept, theirs, dropped, leftover = {}, {}, [], []
    for name, tensor in file.tensors.items():
        beside = _BESIDE.get(name.partition(".")[0])
        inner = name.removeprefix(prefix)
        if beside is not None:
            dropped.append((name, beside))
        elif name.startswith("head.") and (represented or pretraining):
            dropped.append((name, _why_no_head(name, represented)))
        elif inner == "mask_token":
            dropped.append((name, "stands for hidden patches, which only training has"))
        elif inner in kept:
            leftover.append(name)
        else:
            kept[inner], theirs[inner] = tensor, name
    gated = _GATE in kept
    head = _HEADS["head.fc.weight" in kept]
    renamed = NameTable([*_RULES, *(_GATED if gated else _PLAIN), head]).rename(kept)
    clip = "norm_pre.weight" in renamed.state
    averages = "fc_norm.weight" in renamed.state
    preprocessing = _preprocessing(file.entries)
    assumptions = ["heads: the model's own number; no tensor tells it"]
    if clip:
        assumptions.append("activation and norm epsilon are the model's own: CLIP's configurations differ in them")
    if not preprocessing:
        assumptions.append("mean and std: the file does not tell (0.5 for MMPretrain's ViT, ImageNet's for the others)")
    return Translation(
        renamed.state,
        dropped=tuple(dropped),
        leftover=(*leftover, *(theirs[name] for name in renamed.leftover)),
        assumptions=tuple(assumptions),
        preprocessing=preprocessing,
        conventions=Conventions(activation=None if clip or gated else "gelu", norm_eps=None if clip else 1e-6),
        antialias=False,
        position_slots=slots_of(kept.get("pos_embed"), ("cls_token" in kept) + ("dist_token" in kept)),
        head_start=HeadStart("zeros", source="MMPretrain's VisionTransformerClsHead"),
        trained_for="a classifier" if "head.weight" in renamed.state else "no classifier",
        arguments={"global_pool": "avg"} if averages else {},
    )


def _why_no_head(name: str, represented: bool) -> str:
    if not represented:
        return "head of pretraining, not a classifier"
    return (
        "layer with tanh before the head; the model has no such layer"
        if ".pre_logits." in name
        else ("head on top of pre_logits")
    )


def _preprocessing(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Return mean and std as far as the text of the configuration in ``meta`` tells them."""
    meta = entries.get("meta")
    text = "".join(str(meta.get(key) or "") for key in ("cfg", "config")) if isinstance(meta, Mapping) else ""
    found = [known for mark, known in (("127.5", HALF), ("123.675", IMAGENET)) if mark in text]
    return dict(found[0]) if len(found) == 1 else {}
