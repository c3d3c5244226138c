"""MobileNets of torchvision, made by torchvision itself: narrow and shallow ones of both versions."""

from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models import _efficientnet_blocks as blocks
from timm.models import _efficientnet_builder as builder
from torch import Tensor, nn
from torchvision.models.mobilenetv2 import MobileNetV2
from torchvision.models.mobilenetv3 import InvertedResidualConfig, MobileNetV3

from . import Example, Made, randomise

SECOND = [[1, 8, 1, 1], [6, 16, 2, 2], [6, 16, 1, 2]]  # two stages of one width
THIRD = [
    InvertedResidualConfig(8, 3, 8, 8, True, "RE", 2, 1, 1.0),
    InvertedResidualConfig(8, 3, 24, 16, False, "RE", 2, 1, 1.0),
    InvertedResidualConfig(16, 3, 40, 16, False, "RE", 1, 1, 1.0),
    InvertedResidualConfig(16, 5, 48, 24, True, "HS", 2, 1, 1.0),
]


def second() -> nn.Module:
    layers = (["ds_r1_k3_s1_c8"], ["ir_r2_k3_s2_e6_c16"], ["ir_r1_k3_s2_e6_c16"])
    return timm.models.EfficientNet(
        builder.decode_arch_def(layers),  # type: ignore[no-untyped-call]
        num_classes=7,
        num_features=1280,
        stem_size=32,
        act_layer=nn.ReLU6,
    )


def third() -> nn.Module:
    layers = (
        ["ds_r1_k3_s2_e1_c8_se0.5_nre"],
        ["ir_r1_k3_s2_e3_c16_nre", "ir_r1_k3_s1_e2.5_c16_nre"],
        ["ir_r1_k5_s2_e3_c24_se0.25"],
        ["cn_r1_k1_s1_c144"],
    )
    return timm.models.MobileNetV3(
        builder.decode_arch_def(layers),  # type: ignore[no-untyped-call]
        num_classes=7,
        num_features=32,
        stem_size=8,
        fix_stem=True,
        act_layer=nn.Hardswish,
        se_layer=partial(
            blocks.SqueezeExcite,
            gate_layer="hard_sigmoid",
            force_act_layer=nn.ReLU,
            rd_round_fn=lambda x: 8 * round(x / 8) or 8,
        ),
    )


def write(folder: Path, network: Any) -> Made:
    randomise(network)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.mul_(0.01)  # small enough for the epsilon to show
    torch.save(network.state_dict(), folder / "mobilenet.pth")
    return Made(folder / "mobilenet.pth", partial(features, network))


def features(network: Any, x: Tensor) -> Tensor:
    """Return what the head's last layer sees."""
    found = network.features(x).mean(dim=(2, 3))
    found = network.classifier[:-1](found)
    assert isinstance(found, Tensor)
    return found


def ours(model: Any, x: Tensor) -> Tensor:
    found = model.forward_head(model.forward_features(x), pre_logits=True)
    assert isinstance(found, Tensor)
    return found


def write_second(folder: Path) -> Made:
    return write(folder, MobileNetV2(inverted_residual_setting=SECOND, width_mult=1.0))


def write_third(folder: Path) -> Made:
    return write(folder, MobileNetV3(THIRD, 32))


EXAMPLES = [
    Example("torchvision MobileNet V2", "torchvision MobileNet", write_second, second, ours, (3, 65, 64)),
    Example("torchvision MobileNet V3", "torchvision MobileNet", write_third, third, ours, (3, 65, 64)),
]
