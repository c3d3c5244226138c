"""ViT, made by transformers itself."""

import timm
from torch import nn
from transformers import (
    ViTConfig,
    ViTForImageClassification,
    ViTForMaskedImageModeling,
    ViTModel,
    ViTMSNConfig,
    ViTMSNModel,
)

from . import Example
from ._hf_files import LABELS, SIZES, TIMM_SIZES, written

DIALECT = "transformers ViT"


def model(**arguments: object) -> nn.Module:
    return timm.create_model("vit_base_patch16_224", num_classes=7, **(TIMM_SIZES | arguments))


def config(**changes: object) -> ViTConfig:
    return ViTConfig(**(SIZES | {"id2label": LABELS} | changes))


def classifier() -> nn.Module:
    return ViTForImageClassification(config())


def bare() -> nn.Module:
    return ViTModel(config())


def approximate() -> nn.Module:
    return ViTForImageClassification(config(hidden_act="gelu_new", layer_norm_eps=1e-3, num_attention_heads=4))


EXAMPLES = [
    Example("transformers ViT, classifier", DIALECT, written(classifier, inner="vit"), model),
    Example("transformers ViT, classifier, memory", DIALECT, written(classifier, inner="vit", how="memory"), model),
    Example("transformers ViT, with pooler", DIALECT, written(bare), model),
    Example("transformers ViT, with pooler, memory", DIALECT, written(bare, how="memory"), model),
    Example("transformers ViT, folder", DIALECT, written(approximate, inner="vit", how="folder"), model),
    Example("transformers ViT, shards", DIALECT, written(classifier, inner="vit", how="shards"), model),
    Example(
        "transformers ViT, masked",
        DIALECT,
        written(lambda: ViTForMaskedImageModeling(config(encoder_stride=8)), inner="vit"),
        model,
    ),
    Example(
        "transformers ViT, no biases",
        DIALECT,
        written(lambda: ViTModel(config(qkv_bias=False), add_pooling_layer=False)),
        lambda: model(qkv_bias=False),
    ),
    Example("transformers ViT-MSN", DIALECT, written(lambda: ViTMSNModel(ViTMSNConfig(**SIZES)), how="folder"), model),
]
