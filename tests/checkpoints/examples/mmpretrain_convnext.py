"""MMPretrain's ConvNeXt, whose tensors are those of the official files under its own names; MMPretrain needs mmcv,
which does not install here. The networks that compute the features are torchvision's and transformers'."""

import re
from functools import partial
from pathlib import Path

import torch

from . import Example, Made
from .convnext import State, first_names, model, pooled, second_names, second_peer
from .torchvision_convnext import before_head, ours, peer

DIALECT = "MMPretrain ConvNeXt"
PARTS = {"dwconv": "depthwise_conv", "pwconv": "pointwise_conv"}


def theirs(name: str, prefix: str) -> str:
    for official, part in PARTS.items():
        name = name.replace(official, part)
    return f"head.fc{name.removeprefix('head')}" if name.startswith("head") else prefix + re.sub("^norm", "norm3", name)


def save(folder: Path, state: State, prefix: str) -> Path:
    named = {theirs(name, prefix): tensor for name, tensor in state.items()}
    torch.save({"meta": {"mmcls_version": "0.23.0"}, "state_dict": named}, folder / "convnext.pth")
    return folder / "convnext.pth"


def first(folder: Path, prefix: str = "backbone.", convolutions: bool = False) -> Made:
    network = peer()
    state = first_names(network.state_dict())
    if convolutions:
        state = {n: t[:, :, None, None] if "pwconv" in n and t.ndim == 2 else t for n, t in state.items()}
    return Made(save(folder, state, prefix), partial(before_head, network))


def second(folder: Path) -> Made:
    network = second_peer()
    state = {n: t.flatten() if ".grn." in n else t for n, t in second_names(network.state_dict()).items()}
    return Made(save(folder, state, "backbone."), partial(pooled, network))


tiny, tiny_v2 = partial(model, "convnext_tiny"), partial(model, "convnextv2_tiny")
as_convolutions = partial(model, "convnext_atto")

EXAMPLES = [
    Example("MMPretrain ConvNeXt", DIALECT, first, tiny, ours),
    Example("MMPretrain ConvNeXt, bare", DIALECT, partial(first, prefix=""), tiny, ours),
    Example("MMPretrain ConvNeXt, 1 x 1", DIALECT, partial(first, convolutions=True), tiny, ours),
    Example("MMPretrain ConvNeXt, linear into 1 x 1", DIALECT, first, as_convolutions, ours),
    Example("MMPretrain ConvNeXt V2", DIALECT, second, tiny_v2, ours),
]
