"""DeiT, made by transformers itself."""

import timm
from torch import nn
from transformers import DeiTConfig, DeiTForImageClassification, DeiTForImageClassificationWithTeacher, DeiTModel

from . import Example
from ._hf_files import LABELS, SIZES, TIMM_SIZES, written

DIALECT = "transformers DeiT"


def model() -> nn.Module:
    return timm.create_model("deit_base_distilled_patch16_224", num_classes=7, **TIMM_SIZES)


def config() -> DeiTConfig:
    return DeiTConfig(**SIZES, id2label=LABELS)


def two() -> nn.Module:
    return DeiTForImageClassificationWithTeacher(config())


def one() -> nn.Module:
    return DeiTForImageClassification(config())


def bare() -> nn.Module:
    return DeiTModel(config())


EXAMPLES = [
    Example("transformers DeiT, two classifiers", DIALECT, written(two, inner="deit"), model),
    Example("transformers DeiT, two classifiers, memory", DIALECT, written(two, inner="deit", how="memory"), model),
    Example("transformers DeiT, two classifiers, folder", DIALECT, written(two, inner="deit", how="folder"), model),
    Example("transformers DeiT, one classifier", DIALECT, written(one, inner="deit"), model),
    Example("transformers DeiT, bare", DIALECT, written(bare), model),
    Example("transformers DeiT, bare, memory", DIALECT, written(bare, how="memory"), model),
]
