"""EfficientNets of torchvision, made by torchvision itself: narrow and shallow ones of both versions."""

from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models import _efficientnet_builder as builder
from torch import Tensor, nn
from torchvision.models.efficientnet import EfficientNet, FusedMBConvConfig, MBConvConfig

from . import Example, Made, randomise

DIALECT = "torchvision EfficientNet"
FIRST = [MBConvConfig(1, 3, 1, 8, 8, 1), MBConvConfig(6, 3, 2, 8, 16, 2), MBConvConfig(6, 5, 2, 16, 24, 1)]
SECOND = [
    FusedMBConvConfig(1, 3, 1, 8, 8, 2),
    FusedMBConvConfig(4, 3, 2, 8, 16, 1),
    MBConvConfig(4, 3, 2, 16, 24, 2),
]
OURS = {
    1: (["ds_r1_k3_s1_e1_c8_se0.25"], ["ir_r2_k3_s2_e6_c16_se0.25"], ["ir_r1_k5_s2_e6_c24_se0.25"]),
    2: (["cn_r2_k3_s1_e1_c8_skip"], ["er_r1_k3_s2_e4_c16"], ["ir_r2_k3_s2_e4_c24_se0.25"]),
}


def model(version: int, width: int = 96) -> nn.Module:
    """Return timm's network of the same layers; its padding is even, and its epsilon 1e-5."""
    return timm.models.EfficientNet(
        builder.decode_arch_def(OURS[version]),  # type: ignore[no-untyped-call]
        num_classes=7,
        num_features=width,
        stem_size=8,
        act_layer=nn.SiLU,
    )


def write(folder: Path, version: int, width: int = 96, epsilon: float = 1e-5) -> Made:
    norm = partial(nn.BatchNorm2d, eps=epsilon)
    network = EfficientNet([FIRST, SECOND][version - 1], 0.2, norm_layer=norm, last_channel=width)
    randomise(network)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.mul_(0.01)  # small enough for the epsilon to show
    torch.save(network.state_dict(), folder / "efficientnet_b0_rwightman-7f5810bc.pth")
    return Made(folder / "efficientnet_b0_rwightman-7f5810bc.pth", partial(features, network))


def features(network: Any, x: Tensor) -> Tensor:
    found = network.features(x)
    assert isinstance(found, Tensor)
    return found


def example(name: str, version: int, width: int, epsilon: float) -> Example:
    make = partial(write, version=version, width=width, epsilon=epsilon)
    return Example(name, DIALECT, make, partial(model, version, width), input_size=(3, 65, 64))


EXAMPLES = [
    example("torchvision EfficientNet, small", 1, 96, 1e-5),
    example("torchvision EfficientNet, wide", 1, 2048, 1e-3),
    example("torchvision EfficientNetV2", 2, 96, 1e-3),
]
