"""Swin and Swin V2 of torchvision, made by torchvision itself."""

from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torchvision.models.swin_transformer import PatchMerging, PatchMergingV2, SwinTransformer
from torchvision.models.swin_transformer import SwinTransformerBlock as Block
from torchvision.models.swin_transformer import SwinTransformerBlockV2 as BlockV2

from . import Example, Made

NAMES = {1: "swin_tiny_patch4_window7_224", 2: "swinv2_tiny_window8_256"}
SIZE = (3, 64, 64)
COMPUTED = ("relative_position_index", "relative_coords_table")


def model(version: int, **arguments: Any) -> nn.Module:
    sizes: dict[str, Any] = {"embed_dim": 16, "depths": (2, 2), "num_heads": (2, 4), "window_size": 4, "img_size": 64}
    return timm.create_model(NAMES[version], num_classes=7, **(sizes | arguments))


def peer(version: int) -> Any:
    kinds: dict[str, Any] = {"block": Block, "downsample_layer": PatchMerging}
    if version == 2:
        kinds = {"block": BlockV2, "downsample_layer": PatchMergingV2}
    torch.manual_seed(version)
    network = SwinTransformer([4, 4], 16, [2, 2], [2, 4], [4, 4], stochastic_depth_prob=0.0, **kinds).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in network.named_parameters():
            noise = torch.randn(tensor.shape, generator=generator)
            spread = 0.5 if "bias_table" in name or "cpb_mlp" in name else 0.2
            tensor.add_(noise * (spread if tensor.ndim > 1 and "relative" in name else min(spread, 0.2)))
    return network


def features(network: Any, x: Tensor) -> Tensor:
    found = network.norm(network.features(x))
    assert isinstance(found, Tensor)
    return found


def write(folder: Path, version: int) -> Made:
    network = peer(version)
    torch.save(network.state_dict(), folder / "swin_t-704ceda3.pth")
    return Made(folder / "swin_t-704ceda3.pth", partial(features, network))


EXAMPLES = [
    Example(
        f"torchvision Swin V{version}",
        "torchvision Swin",
        partial(write, version=version),
        partial(model, version),
        input_size=SIZE,
    )
    for version in NAMES
]
