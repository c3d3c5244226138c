"""CLIP, made by transformers itself."""

from typing import Any

import timm
from torch import Tensor, nn
from transformers import (
    CLIPConfig,
    CLIPForImageClassification,
    CLIPModel,
    CLIPVisionConfig,
    CLIPVisionModel,
    CLIPVisionModelWithProjection,
)

from . import Example
from ._hf_files import LABELS, SIZES, TIMM_SIZES, written

DIALECT = "transformers CLIP"
TEXT = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "vocab_size": 50,
    "max_position_embeddings": 16,
    "bos_token_id": 0,
    "eos_token_id": 1,
}


def model(name: str = "vit_base_patch16_clip_224") -> nn.Module:
    return timm.create_model(name, num_classes=7, **TIMM_SIZES)


def quick() -> nn.Module:
    return model("vit_base_patch16_clip_quickgelu_224")


def every_token_normed(tower: Any, pictures: Tensor) -> Tensor:
    """The library norms the class token only; timm all of them."""
    normed = tower.post_layernorm(tower(pixel_values=pictures).last_hidden_state)
    assert isinstance(normed, Tensor)
    return normed


def both(**changes: object) -> nn.Module:
    return CLIPModel(CLIPConfig(vision_config=SIZES | changes, text_config=TEXT, projection_dim=24))


def like_laion() -> nn.Module:
    return both(hidden_act="gelu", num_attention_heads=4)


def vision() -> nn.Module:
    return CLIPVisionModel(CLIPVisionConfig(**SIZES))


def projected() -> nn.Module:
    return CLIPVisionModelWithProjection(CLIPVisionConfig(**SIZES, projection_dim=24))


def classifier() -> nn.Module:
    return CLIPForImageClassification(CLIPConfig(vision_config=SIZES, text_config=TEXT, id2label=LABELS))


def of(build: Any, inner: str = "vision_model", how: str = "safetensors") -> Any:
    return written(build, every_token_normed, inner=inner, how=how)


EXAMPLES = [
    Example("transformers CLIP", DIALECT, of(both), model),
    Example("transformers CLIP, memory", DIALECT, of(both, how="memory"), quick),
    Example("transformers CLIP, folder", DIALECT, of(like_laion, how="folder"), quick),
    Example("transformers CLIP, vision", DIALECT, of(vision, inner=""), quick),
    Example("transformers CLIP, vision, memory", DIALECT, of(vision, inner="", how="memory"), model),
    Example("transformers CLIP, vision, folder", DIALECT, of(vision, inner="", how="folder"), model),
    Example("transformers CLIP, projection", DIALECT, of(projected), model),
    Example("transformers CLIP, projection, memory", DIALECT, of(projected, how="memory"), model),
    Example("transformers CLIP, classifier", DIALECT, of(classifier), model),
]
