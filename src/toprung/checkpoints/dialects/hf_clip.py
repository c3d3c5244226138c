"""CLIP's vision tower in Hugging Face transformers (CLIPModel, CLIPVisionModel, CLIPVisionModelWithProjection, ...).

Facts:

- the tower hangs under ``vision_model.``; since version 5 CLIPVisionModel writes it bare; names are the same on disk
  and in memory;
- ``pre_layrnorm`` (so spelt) stands before the blocks, ``post_layernorm`` on the class token after them; patches have
  no bias; ``class_embedding`` is one row;
- CLIPForImageClassification averages the patches before ``post_layernorm``, which no head of timm's does;
- ``config.json`` keeps the tower's entries under ``vision_config`` in CLIPModel;
- the MLPs compute with x·sigmoid(1.702 x) by default, as OpenAI's; LAION's files say ``gelu``; LayerNorm epsilon 1e-5;
- position embeddings are resized bicubically without antialiasing; CLIP's own mean and std.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toprung.checkpoints.dialects import CLIP, Target, Translation
from toprung.checkpoints.dialects import _transformers as hf
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable

NAME = "transformers CLIP"
TABLE = NameTable(
    [
        ("embeddings.class_embedding", "cls_token"),
        ("embeddings.position_embedding.weight", "pos_embed"),
        ("embeddings.patch_embedding", "patch_embed.proj"),
        ("pre_layrnorm", "norm_pre"),
        ("post_layernorm", "norm"),
        ("visual_projection", "head"),
        *hf.TOWER_BLOCKS,
    ]
)

_PREFIX = "vision_model."
_SPARE = (
    ("text_model.", "text tower"),
    ("text_projection.", "text tower"),
    ("logit_scale", "temperature of the contrastive loss"),
    ("embeddings.position_ids", "computed by the model"),
    ("classifier.", "head on averaged patches before the last norm; the model's head stands after it"),
)
_PROJECTION = ("visual_projection.", "projection into the space shared with texts; the model's head is another")
_MARKS = {
    "embeddings.class_embedding",
    "embeddings.position_embedding.weight",
    "embeddings.patch_embedding.weight",
    "encoder.layers.0.self_attn.q_proj.weight",
}


def recognise(file: WeightsFile) -> bool:
    """Recognise the library's vision tower with a class token and the norm before the blocks."""
    names = hf.inner_names(file, _PREFIX)
    normed = {"pre_layrnorm.weight", "pre_layrnorm.bias"} & names
    return hf.is_type(file, "clip", "clip_vision_model") and names >= _MARKS and bool(normed)


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Keep the vision tower; its projection becomes the head of a model that has one of the same width."""
    projection = file.tensors.get("visual_projection.weight")
    kept = projection is not None and hf.own_shape(target, "head.weight") == tuple(projection.shape)
    spare = _SPARE if kept else (*_SPARE, _PROJECTION)
    names = hf.rename(file.tensors, hf.prefix_of(file.tensors, _PREFIX), spare, TABLE)
    state = names.state
    hf.reshape(state, "cls_token", lambda tensor: tensor.reshape(1, 1, -1))
    hf.reshape(state, "pos_embed", lambda tensor: tensor.unsqueeze(0))
    config = _vision(file.config)
    how = hf.computing(config, "quick_gelu", 1e-5)
    told: tuple[str, ...] = ()
    if kept and projection is not None:
        if hf.own_shape(target, "head.bias") is not None:
            state["head.bias"] = projection.new_zeros(projection.shape[0])  # timm's own CLIP files have it so
        told = ("the projection into the space shared with texts is the head, as in timm's files",)
    return Translation(
        state,
        dropped=names.dropped,
        leftover=names.leftover,
        assumptions=(*how.assumptions, *told),
        preprocessing=dict(CLIP),
        conventions=how.conventions,
        antialias=False,
        position_slots=1,
        grid=hf.grid_of(config, state.get("pos_embed"), 1),
        trained_for="contrastive pretraining on pictures and texts; no classifier",
        unfit=how.unfit,
    )


def _vision(config: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = config.get("vision_config")
    return inner if isinstance(inner, Mapping) else config
