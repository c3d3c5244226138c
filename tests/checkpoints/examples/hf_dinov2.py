"""DINOv2 with and without registers, made by transformers itself."""

import timm
from torch import nn
from transformers import (
    Dinov2Config,
    Dinov2ForImageClassification,
    Dinov2Model,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersForImageClassification,
    Dinov2WithRegistersModel,
)

from . import Example
from ._hf_files import LABELS, SIZES, TIMM_SIZES, written

DIALECT = "transformers DINOv2"
PEER = {key: value for key, value in SIZES.items() if key != "intermediate_size"} | {"mlp_ratio": 2}
GATED = PEER | {"use_swiglu_ffn": True, "mlp_ratio": 4}


def model() -> nn.Module:
    return timm.create_model("vit_base_patch14_dinov2", num_classes=7, **TIMM_SIZES)


def registers() -> nn.Module:
    return timm.create_model("vit_base_patch14_reg4_dinov2", num_classes=7, **TIMM_SIZES)


def giant() -> nn.Module:
    # 2/3 of four times the width, in steps of eight, twice
    return timm.create_model("vit_giant_patch14_dinov2", num_classes=7, **(TIMM_SIZES | {"mlp_ratio": 256 / 48}))


def bare() -> nn.Module:
    return Dinov2Model(Dinov2Config(**PEER))


def classifier() -> nn.Module:
    return Dinov2ForImageClassification(Dinov2Config(**PEER, id2label=LABELS))


def gated() -> nn.Module:
    return Dinov2Model(Dinov2Config(**GATED))


def with_registers() -> nn.Module:
    return Dinov2WithRegistersModel(Dinov2WithRegistersConfig(**PEER))


def classifier_with_registers() -> nn.Module:
    return Dinov2WithRegistersForImageClassification(Dinov2WithRegistersConfig(**PEER, id2label=LABELS))


EXAMPLES = [
    Example("transformers DINOv2, bare", DIALECT, written(bare), model),
    Example("transformers DINOv2, bare, memory", DIALECT, written(bare, how="memory"), model),
    Example("transformers DINOv2, folder", DIALECT, written(classifier, inner="dinov2", how="folder"), model),
    Example("transformers DINOv2, gated", DIALECT, written(gated), giant),
    Example("transformers DINOv2, gated, memory", DIALECT, written(gated, how="memory"), giant),
    Example("transformers DINOv2, registers", DIALECT, written(with_registers), registers),
    Example("transformers DINOv2, registers, memory", DIALECT, written(with_registers, how="memory"), registers),
    Example(
        "transformers DINOv2, registers, classifier",
        DIALECT,
        written(classifier_with_registers, inner="dinov2_with_registers"),
        registers,
    ),
]
