"""VGGs of torchvision, made by torchvision itself, with narrow hidden layers."""

from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
from timm.layers import ClassifierHead
from timm.models.vgg import ConvMlp
from torch import Tensor, nn
from torchvision.models.vgg import VGG, make_layers

from . import Example, Made, randomise

LAYERS: list[str | int] = [8, "M", 16, "M", 16, "M"]
HIDDEN = 24


def model(norm: bool) -> nn.Module:
    network: Any = timm.models.VGG(LAYERS, num_classes=7, norm_layer=nn.BatchNorm2d if norm else None)
    network.pre_logits = ConvMlp(16, HIDDEN, 7)
    network.head = ClassifierHead(HIDDEN, 7)
    network.head_hidden_size = HIDDEN
    assert isinstance(network, nn.Module)
    return network


def write(folder: Path, norm: bool) -> Made:
    network = VGG(make_layers(LAYERS, batch_norm=norm), init_weights=False)
    kept = network.classifier
    network.classifier = nn.Sequential(
        nn.Linear(16 * 49, HIDDEN), *kept[1:3], nn.Linear(HIDDEN, HIDDEN), *kept[4:6], nn.Linear(HIDDEN, 1000)
    )
    randomise(network)
    torch.save(network.state_dict(), folder / "vgg16_bn-6c64b313.pth")
    return Made(folder / "vgg16_bn-6c64b313.pth", partial(features, network))


def features(network: Any, x: Tensor) -> Tensor:
    found = network.classifier[:6](network.features(x).flatten(1))
    assert isinstance(found, Tensor)
    return found


def ours(model: Any, x: Tensor) -> Tensor:
    found = model.forward_head(model.forward_features(x), pre_logits=True)
    assert isinstance(found, Tensor)
    return found


EXAMPLES = [
    Example(
        f"torchvision VGG{name}",
        "torchvision VGG",
        partial(write, norm=bool(name)),
        partial(model, bool(name)),
        ours,
        (3, 56, 56),
    )
    for name in ("", ", BatchNorm")
]
