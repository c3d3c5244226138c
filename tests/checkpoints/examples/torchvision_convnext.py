"""ConvNeXts of torchvision, made by torchvision itself."""

from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torchvision.models.convnext import CNBlockConfig, ConvNeXt

from . import Example, Made, randomise

DEPTHS, WIDTHS = (1, 2, 1, 1), (16, 24, 32, 48)


def model() -> nn.Module:
    return timm.create_model("convnext_tiny", num_classes=7, dims=WIDTHS, depths=DEPTHS)


def peer() -> ConvNeXt:
    wider = (*WIDTHS[1:], None)
    network = ConvNeXt([CNBlockConfig(*each) for each in zip(WIDTHS, wider, DEPTHS, strict=True)])
    randomise(network)
    return network


def before_head(network: Any, x: Tensor) -> Tensor:
    found = network.classifier[:2](network.avgpool(network.features(x)))
    assert isinstance(found, Tensor)
    return found


def ours(model: Any, x: Tensor) -> Tensor:
    found = model.forward_head(model.forward_features(x), pre_logits=True)
    assert isinstance(found, Tensor)
    return found


def write(folder: Path) -> Made:
    network = peer()
    torch.save(network.state_dict(), folder / "convnext_tiny-983f1562.pth")
    return Made(folder / "convnext_tiny-983f1562.pth", lambda x: before_head(network, x))


EXAMPLES = [Example("torchvision ConvNeXt", "torchvision ConvNeXt", write, model, ours, (3, 64, 64))]
