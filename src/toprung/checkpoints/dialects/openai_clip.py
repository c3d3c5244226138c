"""CLIP's vision transformer as OpenAI and OpenCLIP write it (Radford et al. 2021, arXiv 2103.00020).

Facts:

- the tower hangs under ``visual.`` beside the text tower; OpenAI's files are TorchScript archives or their state dicts
  in half precision, and hold ``input_resolution``, ``context_length`` and ``vocab_size``;
- patches have no bias; ``ln_pre`` stands before the blocks, ``ln_post`` after them; query, key and value are one
  ``in_proj``; ``proj`` leads into the space shared with texts;
- OpenAI computes with x·sigmoid(1.702 x). OpenCLIP's own trainings use exact GELU unless their configuration
  (``open_clip_config.json``) says ``quick_gelu`` or other ``act_kwargs``; the tensors do not tell, but OpenCLIP names
  models and files with it ``-quickgelu``;
- heads are 64 wide unless the configuration says another ``head_width`` (H 80, g 88, bigG 104);
- CLIPA's towers have no ``ln_pre``, average the patches, and have ``ln_post`` behind the average;
- CoCa's towers pool by attention before ``ln_post``, which is as wide as the shared space;
- LayerNorm epsilon 1e-5 unless the configuration says another; CLIP's own mean and std.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from toprung.checkpoints.dialects import CLIP, Target, Translation
from toprung.checkpoints.dialects._clip import (
    AS_HEAD,
    PROJECTION,
    TRAINED_FOR,
    is_openai,
    preprocessing,
    reason_outside,
    vision_settings,
)
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
_PATCH_BIAS = "patch_embed.proj.bias"
_HEAD_WIDTH = 64
_COCA = (
    "it pools by attention before its last norm (CoCa), for which no model of timm has a place, and its other tensors "
    "alone would not answer as it does; take a CLIP model without CoCa's pooling"
)


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
        if name.startswith(prefix):
            tower[name.removeprefix(prefix)] = tensor
        elif reason := reason_outside(name):
            dropped.append((name, reason))
        else:
            leftover.append(name)
    projection = tower.pop("proj", None)
    coca = any(name.startswith(("attn_pool.", "attn_pool_contrastive.")) for name in tower)
    renamed = TABLE.rename(tower)
    state = renamed.state
    state["cls_token"] = state["cls_token"].reshape(1, 1, -1)
    state["pos_embed"] = state["pos_embed"].unsqueeze(0)
    settings = vision_settings(file)
    arguments = _pool_as_configured(state, settings or {})
    told = _complete_patches(state, target)
    if projection is not None:
        if _is_head_of(projection, target):
            state["head.weight"] = projection.T
            state["head.bias"] = projection.new_zeros(projection.shape[1])
            told += (AS_HEAD,)
        else:
            dropped.append((f"{prefix}proj", PROJECTION))
    activation, activation_told = _activation(file, settings)
    heads, heads_told = _heads(file, settings, state["pos_embed"].shape[-1])
    return Translation(
        state,
        dropped=tuple(dropped),
        leftover=(*leftover, *(prefix + name for name in renamed.leftover)),
        assumptions=(*activation_told, *heads_told, *told),
        preprocessing=dict(CLIP) | preprocessing(file),
        conventions=Conventions(activation=activation, norm_eps=_norm_eps(settings or {}), num_heads=heads),
        position_slots=1,
        trained_for=TRAINED_FOR,
        licence="MIT" if is_openai(file) else "",
        arguments=arguments,
        unfit=_COCA if coca else "",
    )


def _is_head_of(projection: Tensor, target: Target | None) -> bool:
    own = target.shapes.get("head.weight") if target is not None else None
    return own is not None and projection.ndim == 2 and tuple(own) == tuple(projection.T.shape)


def _pool_as_configured(state: dict[str, Tensor], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the model must pool, and call the last norm as timm does where it stands behind an average."""
    if settings.get("pool_type") != "avg":
        return {}
    if settings.get("final_ln_after_pool"):
        for name in [name for name in state if name.startswith("norm.")]:
            state[f"fc_{name}"] = state.pop(name)
        return {"global_pool": "avg"}
    return {"global_pool": "avg", "fc_norm": False}


def _complete_patches(state: dict[str, Tensor], target: Target | None) -> tuple[str, ...]:
    """Give a tower without ``ln_pre`` the patches' bias that timm's models without one have: zeros change nothing."""
    if "norm_pre.weight" in state:
        return ()
    if target is not None and _PATCH_BIAS in target.shapes and "norm_pre.weight" not in target.shapes:
        state[_PATCH_BIAS] = state["patch_embed.proj.weight"].new_zeros(target.shapes[_PATCH_BIAS])
    return ("pooling: the model's own where no configuration tells; towers without ln_pre (CLIPA) average the patches",)


def _activation(file: WeightsFile, settings: Mapping[str, Any] | None) -> tuple[Activation | None, tuple[str, ...]]:
    """Return the form of GELU, and what is assumed of it.

    Where nothing tells, the model's own is kept: who chose a ``_quickgelu`` model of timm's knows more than the file.
    """
    if is_openai(file):
        return "quick_gelu", ()
    if settings is not None:
        if file.config["model_cfg"].get("quick_gelu"):
            return "quick_gelu", ()
        form = settings.get("act_kwargs")
        approximate = isinstance(form, Mapping) and form.get("approximate") == "tanh"
        return ("gelu_tanh" if approximate else "gelu"), ()
    if any("quickgelu" in str(text).lower() for text in (file.path.name, file.entries.get("name", ""))):
        return "quick_gelu", ("activation: quick GELU, as the name of file or training says",)
    return None, ("activation: the model's own; OpenCLIP's files do not tell whether it was GELU or quick GELU",)


def _heads(file: WeightsFile, settings: Mapping[str, Any] | None, width: int) -> tuple[int | None, tuple[str, ...]]:
    """Return the number of heads, and what is assumed of it."""
    head = _HEAD_WIDTH if settings is None else settings.get("head_width", _HEAD_WIDTH)
    known = is_openai(file) or settings is not None
    if known and isinstance(head, int) and head > 0 and width % head == 0:
        return width // head, ()
    return None, ("heads: the model's own number (one per 64 channels, H 80, g 88, bigG 104); no tensor tells it",)


def _norm_eps(settings: Mapping[str, Any]) -> float:
    given = settings.get("norm_kwargs")
    eps = given.get("eps") if isinstance(given, Mapping) else None
    return float(eps) if isinstance(eps, int | float) and eps > 0 else 1e-5
