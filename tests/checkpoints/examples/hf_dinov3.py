"""DINOv3's ViT, made by transformers itself."""

from functools import partial

import timm
from torch import nn
from transformers import DINOv3ViTConfig, DINOv3ViTModel

from . import Example
from ._hf_files import SIZES, TIMM_SIZES, written

DIALECT = "transformers DINOv3"


def model(name: str = "vit_small_patch16_dinov3_qkvb", **arguments: object) -> nn.Module:
    return timm.create_model(name, num_classes=7, **(TIMM_SIZES | arguments))


def config(**changes: object) -> DINOv3ViTConfig:
    return DINOv3ViTConfig(**(SIZES | {"num_register_tokens": 4} | changes))


def biased() -> nn.Module:
    return DINOv3ViTModel(config())


def unbiased() -> nn.Module:
    return DINOv3ViTModel(config(query_bias=False, value_bias=False))


def gated() -> nn.Module:
    return DINOv3ViTModel(config(use_gated_mlp=True, hidden_act="silu"))


plus = partial(model, "vit_small_plus_patch16_dinov3_qkvb")
EXAMPLES = [
    Example("transformers DINOv3", DIALECT, written(biased), model),
    Example("transformers DINOv3, memory", DIALECT, written(biased, how="memory"), model),
    Example("transformers DINOv3, folder", DIALECT, written(biased, how="folder"), model),
    Example("transformers DINOv3, no biases", DIALECT, written(unbiased), partial(model, "vit_small_patch16_dinov3")),
    Example("transformers DINOv3, gated", DIALECT, written(gated), plus),
    Example("transformers DINOv3, gated, memory", DIALECT, written(gated, how="memory"), plus),
]
