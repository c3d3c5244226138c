"""CLIP's vision transformer as OpenAI and OpenCLIP write it (Radford et al. 2021, arXiv 2103.00020).

Facts:

- the tower hangs under ``visual.`` beside the text tower; OpenAI's files are TorchScript archives or their state dicts
  in half precision, and hold ``input_resolution``, ``context_length`` and ``vocab_size``;
- patches have no bias; ``ln_pre`` stands before the blocks, ``ln_post`` after them; query, key and value are one
  ``in_proj``; ``proj`` leads into the space shared with texts;
- OpenAI computes with x·sigmoid(1.702 x). OpenCLIP's own trainings use exact GELU unless their configuration says
  ``quick_gelu``; a file of OpenCLIP's alone does not tell;
- LayerNorm epsilon 1e-5; CLIP's own mean and std.
"""

from __future__ import annotations

from toprung.checkpoints.dialects import CLIP, Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Activation, Conventions

NAME = "CLIP"
TABLE = NameTable(
    [
        ("class_embedding", "cls_token"),
        ("positional_embedding", "pos_embed"),
        ("conv1", "patch_embed.proj"),
        ("ln_pre", "norm_pre"),
        ("ln_post", "norm"),
        ("transformer.resblocks.{i}.ln_1", "blocks.{i}.norm1"),
        ("transformer.resblocks.{i}.ln_2", "blocks.{i}.norm2"),
        ("transformer.resblocks.{i}.attn.in_proj_weight", "blocks.{i}.attn.qkv.weight"),
        ("transformer.resblocks.{i}.attn.in_proj_bias", "blocks.{i}.attn.qkv.bias"),
        ("transformer.resblocks.{i}.attn.out_proj", "blocks.{i}.attn.proj"),
        ("transformer.resblocks.{i}.mlp.c_fc", "blocks.{i}.mlp.fc1"),
        ("transformer.resblocks.{i}.mlp.c_proj", "blocks.{i}.mlp.fc2"),
        ("transformer.resblocks.{i}.ls_{j}.gamma", "blocks.{i}.ls{j}.gamma"),
    ]
)

_PREFIX = "visual."
_MARKS = ("class_embedding", "positional_embedding", "conv1.weight", "transformer.resblocks.0.attn.in_proj_weight")
_OPENAI = ("input_resolution", "context_length", "vocab_size")
_TEXT = ("transformer.", "token_embedding.", "positional_embedding", "ln_final.", "text_projection", "text.",
         "attn_mask", "cls_emb", "text_decoder.")  # fmt: skip
_SCALES = ("logit_scale", "logit_bias")
_PROJECTION = "projection into the space shared with texts; the model's head is another"


def recognise(file: WeightsFile) -> bool:
    """Recognise the vision tower, with or without ``visual.`` in front."""
    names = file.tensors.keys()
    return all(_PREFIX + mark in names for mark in _MARKS) or (
        all(mark in names for mark in _MARKS) and ("ln_post.weight" in names)
    )


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Keep the vision tower; its projection becomes the head of a model that has one of the same width."""
    prefix = _PREFIX if _PREFIX + _MARKS[0] in file.tensors else ""
    dropped, leftover, tower = [], [], {}
    for name, tensor in file.tensors.items():
        if prefix and not name.startswith(prefix):
            reason = _reason_outside(name)
            if reason:
                dropped.append((name, reason))
            else:
                leftover.append(name)
        else:
            tower[name.removeprefix(prefix)] = tensor
    projection = tower.pop("proj", None)
    renamed = TABLE.rename(tower)
    state = renamed.state
    state["cls_token"] = state["cls_token"].reshape(1, 1, -1)
    state["pos_embed"] = state["pos_embed"].unsqueeze(0)
    activation, told = _activation(file)
    if projection is not None:
        own = target.shapes.get("head.weight") if target is not None else None
        if own is not None and tuple(own) == (projection.shape[1], projection.shape[0]):
            state["head.weight"] = projection.T
            state["head.bias"] = projection.new_zeros(projection.shape[1])
            told += ("the projection into the space shared with texts is the head, as in timm's files",)
        else:
            dropped.append((f"{prefix}proj", _PROJECTION))
    return Translation(
        state,
        dropped=tuple(dropped),
        leftover=(*leftover, *(prefix + name for name in renamed.leftover)),
        assumptions=(*told, "heads: the model's own number (one per 64 channels); no tensor tells it"),
        preprocessing=dict(CLIP),
        conventions=Conventions(activation=activation, norm_eps=1e-5),
        position_slots=1,
        trained_for="contrastive pretraining on pictures and texts; no classifier",
        licence="MIT" if _is_openai(file) else "",
    )


def _reason_outside(name: str) -> str:
    if name in _OPENAI:
        return "a number, not a weight"
    if name in _SCALES:
        return "temperature of the contrastive loss"
    return "text tower" if name.startswith(_TEXT) else ""


def _is_openai(file: WeightsFile) -> bool:
    return any(name in file.tensors or name in file.entries for name in _OPENAI)


def _activation(file: WeightsFile) -> tuple[Activation | None, tuple[str, ...]]:
    """Return the form of GELU, and what is assumed of it."""
    if _is_openai(file):
        return "quick_gelu", ()
    settings = file.config.get("model_cfg")
    if isinstance(settings, dict):
        return ("quick_gelu" if settings.get("quick_gelu") else "gelu"), ()
    return None, ("activation: the model's own; OpenCLIP's files do not tell whether it was GELU or quick GELU",)
