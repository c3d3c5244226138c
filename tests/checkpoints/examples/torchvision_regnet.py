"""RegNets of torchvision, made by torchvision itself."""

from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models.regnet import RegNetCfg
from torch import Tensor, nn
from torchvision.models.regnet import BlockParams, RegNet

from . import Example, Made, randomise

SIZES: dict[str, Any] = {"w0": 16, "wa": 16.0, "wm": 1.5, "depth": 5, "group_size": 8}


def model(squeezed: bool) -> nn.Module:
    return timm.models.RegNet(RegNetCfg(**SIZES, se_ratio=0.25 if squeezed else 0.0), num_classes=7)


def write(folder: Path, squeezed: bool) -> Made:
    sizes = BlockParams.from_init_params(5, 16, 16.0, 1.5, 8, se_ratio=0.25 if squeezed else None)
    network: Any = randomise(RegNet(sizes))
    torch.save(network.state_dict(), folder / "regnet_y_400mf_swag.pth")
    return Made(folder / "regnet_y_400mf_swag.pth", partial(features, network))


def features(network: Any, x: Tensor) -> Tensor:
    found = network.trunk_output(network.stem(x))
    assert isinstance(found, Tensor)
    return found


EXAMPLES = [
    Example(
        f"torchvision RegNet{kind}",
        "torchvision RegNet",
        partial(write, squeezed=kind == "Y"),
        partial(model, kind == "Y"),
        input_size=(3, 65, 64),
    )
    for kind in "XY"
]
