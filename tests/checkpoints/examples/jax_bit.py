"""BiT's npz files, with the forward pass of a pre-activation ResNet with standardised convolutions written from the
paper, over arrays in TensorFlow's layout."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from timm.layers import StdConv2d
from timm.models.resnetv2 import ResNetV2
from torch import Tensor

from . import Example, Made

DEPTHS, WIDTH, MIDDLE = (2, 1, 1, 1), 128, 32
Arrays = dict[str, "np.ndarray[Any, Any]"]


def model(**arguments: Any) -> ResNetV2:
    how: dict[str, Any] = {"stem_type": "fixed", "conv_layer": partial(StdConv2d, eps=1e-8), "num_classes": 7}
    return ResNetV2(layers=list(DEPTHS), channels=(WIDTH,) * 4, stem_chs=MIDDLE, **(how | arguments))


def arrays() -> Arrays:
    random = np.random.default_rng(0)
    found: Arrays = {}

    def conv(name: str, size: int, inner: int, out: int) -> None:
        values = 0.003 * (0.1 + random.normal(size=(size, size, inner, out)))  # so small that the epsilon shows
        found[f"{name}/standardized_conv2d/kernel"] = values.astype(np.float32)

    def norm(name: str, size: int) -> None:
        found[f"{name}/group_norm/gamma"] = (1 + 0.2 * random.normal(size=size)).astype(np.float32)
        found[f"{name}/group_norm/beta"] = (0.2 * random.normal(size=size)).astype(np.float32)

    conv("resnet/root_block", 7, 3, MIDDLE)
    for stage, depth in enumerate(DEPTHS, start=1):
        for number in range(1, depth + 1):
            unit = f"resnet/block{stage}/unit{number:02d}"
            inner = MIDDLE if stage == number == 1 else WIDTH
            layers = (("a", 1, inner, MIDDLE), ("b", 3, MIDDLE, MIDDLE), ("c", 1, MIDDLE, WIDTH))
            for layer, size, before, after in layers:
                norm(f"{unit}/{layer}", before)
                conv(f"{unit}/{layer}", size, before, after)
            if number == 1:
                conv(f"{unit}/a/proj", 1, inner, WIDTH)
    norm("resnet", WIDTH)
    found["resnet/head/conv2d/kernel"] = random.normal(size=(1, 1, WIDTH, 11)).astype(np.float32)
    found["resnet/head/conv2d/bias"] = random.normal(size=11).astype(np.float32)
    return found


def forward(given: Arrays, x: Tensor) -> Tensor:
    a = {name.removeprefix("resnet/"): torch.from_numpy(array) for name, array in given.items()}

    def conv(name: str, t: Tensor, stride: int = 1) -> Tensor:
        kernel = a[f"{name}/standardized_conv2d/kernel"]
        spread, mean = torch.var_mean(kernel, dim=(0, 1, 2), correction=0, keepdim=True)
        kernel = (kernel - mean) / (spread + 1e-10).sqrt()
        return F.conv2d(t, torch.einsum("hwio->oihw", kernel), stride=stride, padding=kernel.shape[0] // 2)

    def norm(name: str, t: Tensor) -> Tensor:
        return F.relu(F.group_norm(t, 32, a[f"{name}group_norm/gamma"], a[f"{name}group_norm/beta"], 1e-5))

    t = F.max_pool2d(F.pad(conv("root_block", x, stride=2), (1, 1, 1, 1)), 3, 2)
    for stage, depth in enumerate(DEPTHS, start=1):
        for number in range(1, depth + 1):
            unit = f"block{stage}/unit{number:02d}"
            stride = 2 if stage > 1 and number == 1 else 1
            before = norm(f"{unit}/a/", t)
            shortcut = conv(f"{unit}/a/proj", before, stride) if number == 1 else t
            inside = conv(f"{unit}/b", norm(f"{unit}/b/", conv(f"{unit}/a", before)), stride)
            t = shortcut + conv(f"{unit}/c", norm(f"{unit}/c/", inside))
    return norm("", t)


def write(folder: Path, prefix: bool = True, head: bool = True) -> Made:
    given = {name: array for name, array in arrays().items() if head or "/head/" not in name}
    named: dict[str, Any] = {name if prefix else name.removeprefix("resnet/"): array for name, array in given.items()}
    np.savez(folder / "BiT-M-R50x1.npz", **named)
    return Made(folder / "BiT-M-R50x1.npz", partial(forward, given))


EXAMPLES = [
    Example("BiT npz", "BiT (JAX npz)", write, model, input_size=(3, 64, 64)),
    Example("BiT npz, bare", "BiT (JAX npz)", partial(write, prefix=False, head=False), model, input_size=(3, 64, 64)),
]
