"""Files of lukemelas' EfficientNet port, small ones, with the features of the forward pass in ``lite0_reference``."""

from functools import partial
from pathlib import Path

import timm
import torch
from timm.models import _efficientnet_builder as builder
from torch import Tensor, nn

from tests.checkpoints.lite0_reference import efficientnet

from . import Example, Made

DIALECT = "lukemelas EfficientNet"
STAGES = ((2, 3, 1), (2, 3, 2), (1, 5, 2))
WIDTHS = (8, 16, 24)
HEAD = 32
LITE = (["ds_r2_k3_s1_e1_c8"], ["ir_r2_k3_s2_e6_c16"], ["ir_r1_k5_s2_e6_c24"])


def model(lite: bool) -> nn.Module:
    """Return timm's network of the same layers, with TensorFlow's padding; the epsilon is not TensorFlow's yet."""
    layers = [[row if lite else f"{row}_se0.25" for row in stage] for stage in LITE]
    return timm.models.EfficientNet(
        builder.decode_arch_def(layers),  # type: ignore[no-untyped-call]
        num_classes=7,
        num_features=HEAD,
        stem_size=8,
        pad_type="same",
        act_layer=nn.ReLU6 if lite else nn.SiLU,
    )


def state(lite: bool) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(5)
    found: dict[str, Tensor] = {}

    def convolution(name: str, *shape: int, bias: bool = False) -> None:
        fan_in = shape[1] * shape[2] * shape[3]
        found[f"{name}.weight"] = torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5
        if bias:
            found[f"{name}.bias"] = torch.randn(shape[0], generator=generator)

    def norm(name: str, width: int) -> None:
        found[f"{name}.weight"] = 1 + 0.2 * torch.randn(width, generator=generator)
        found[f"{name}.bias"] = 0.2 * torch.randn(width, generator=generator)
        found[f"{name}.running_mean"] = 0.2 * torch.randn(width, generator=generator)
        found[f"{name}.running_var"] = 0.1 + torch.rand(width, generator=generator)
        found[f"{name}.num_batches_tracked"] = torch.tensor(9)

    convolution("_conv_stem", 8, 3, 3, 3)
    norm("_bn0", 8)
    number, before = 0, 8
    for (repeats, size, _), width in zip(STAGES, WIDTHS, strict=True):
        for _ in range(repeats):
            block, inner = f"_blocks.{number}", before if width == WIDTHS[0] else 6 * before
            if inner != before:
                convolution(f"{block}._expand_conv", inner, before, 1, 1)
                norm(f"{block}._bn0", inner)
            convolution(f"{block}._depthwise_conv", inner, 1, size, size)
            norm(f"{block}._bn1", inner)
            if not lite:
                convolution(f"{block}._se_reduce", before // 4, inner, 1, 1, bias=True)
                convolution(f"{block}._se_expand", inner, before // 4, 1, 1, bias=True)
            convolution(f"{block}._project_conv", width, inner, 1, 1)
            norm(f"{block}._bn2", width)
            number, before = number + 1, width
    convolution("_conv_head", HEAD, WIDTHS[-1], 1, 1)
    norm("_bn1", HEAD)
    return found | {"_fc.weight": torch.randn(1000, HEAD), "_fc.bias": torch.randn(1000)}


def write(folder: Path, lite: bool) -> Made:
    tensors = state(lite)
    file = folder / f"efficientnet-{'lite0-57934424' if lite else 'b0-355c32eb'}.pth"
    torch.save(tensors, file)
    return Made(file, lambda images: efficientnet(tensors, images, STAGES))


EXAMPLES = [
    Example(f"lukemelas {name}", DIALECT, partial(write, lite=lite), partial(model, lite), input_size=(3, 65, 64))
    for name, lite in (("EfficientNet-Lite", True), ("EfficientNet", False))
]
