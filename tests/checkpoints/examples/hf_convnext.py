"""ConvNeXt and ConvNeXt V2, made by transformers itself."""

from functools import partial
from typing import Any

import timm
from torch import Tensor, nn
from transformers import (
    ConvNextConfig,
    ConvNextForImageClassification,
    ConvNextModel,
    ConvNextV2Config,
    ConvNextV2ForImageClassification,
)

from . import Example
from ._hf_files import LABELS, written

DIALECT = "transformers ConvNeXt"
PEER: dict[str, Any] = {"hidden_sizes": [16, 24, 32, 48], "depths": [1, 1, 2, 1]}


def model(name: str) -> nn.Module:
    return timm.create_model(name, num_classes=7, dims=(16, 24, 32, 48), depths=(1, 1, 2, 1))


def first() -> nn.Module:
    return ConvNextForImageClassification(ConvNextConfig(**PEER, id2label=LABELS))


def bare() -> nn.Module:
    return ConvNextModel(ConvNextConfig(**PEER))


def second() -> nn.Module:
    return ConvNextV2ForImageClassification(ConvNextV2Config(**PEER, id2label=LABELS))


def pooled(network: Any, pictures: Tensor) -> Tensor:
    found = network(pixel_values=pictures).pooler_output
    assert isinstance(found, Tensor)
    return found


def before_head(m: Any, x: Tensor) -> Tensor:
    found = m.forward_head(m.forward_features(x), pre_logits=True)
    assert isinstance(found, Tensor)
    return found


def example(name: str, make: Any, into: str) -> Example:
    return Example(f"transformers {name}", DIALECT, make, partial(model, into), before_head, (3, 64, 64))


EXAMPLES = [
    example("ConvNeXt", written(first, pooled, inner="convnext"), "convnext_tiny"),
    example("ConvNeXt, folder", written(first, pooled, inner="convnext", how="folder"), "convnext_tiny"),
    example("ConvNeXt, bare, memory", written(bare, pooled, how="memory"), "convnext_tiny"),
    example("ConvNeXt V2", written(second, pooled, inner="convnextv2"), "convnextv2_tiny"),
    example("ConvNeXt V2, folder", written(second, pooled, inner="convnextv2", how="folder"), "convnextv2_tiny"),
]
