"""timm's models, saved by transformers' wrapper."""

from functools import partial
from typing import Any

import timm
from torch import Tensor, nn
from transformers import TimmWrapperConfig, TimmWrapperForImageClassification, TimmWrapperModel

from . import Example
from ._hf_files import LABELS, TIMM_SIZES, written

DIALECT = "transformers TimmWrapper"


def features(peer: Any, pictures: Tensor) -> Tensor:
    found = peer.timm_model.forward_features(pictures)
    assert isinstance(found, Tensor)
    return found


def classifier() -> nn.Module:
    config = TimmWrapperConfig(architecture="vit_base_patch16_224", model_args=TIMM_SIZES, id2label=LABELS)
    return TimmWrapperForImageClassification(config)


def bare() -> nn.Module:
    return TimmWrapperModel(TimmWrapperConfig(architecture="resnet18"))


vit = partial(timm.create_model, "vit_base_patch16_224", num_classes=7, **TIMM_SIZES)
resnet = partial(timm.create_model, "resnet18", num_classes=7)
EXAMPLES = [
    Example("transformers TimmWrapper, ViT", DIALECT, written(classifier, features), vit),
    Example("transformers TimmWrapper, ViT, memory", DIALECT, written(classifier, features, how="memory"), vit),
    Example("transformers TimmWrapper, ViT, folder", DIALECT, written(classifier, features, how="folder"), vit),
    Example("transformers TimmWrapper, ResNet", DIALECT, written(bare, features), resnet, input_size=(3, 64, 64)),
]
