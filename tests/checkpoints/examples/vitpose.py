"""ViTPose's files. It needs mmpose 0.24, which does not install here; the forward pass is written from its description:
patches with a padding of 2 pixels, no class token, and that token's row added to all positions."""

from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
import torch.nn.functional as F
from torch import Tensor

from . import Example, Made
from ._vit_forward import Family, State, attention, made_up, mlp, normed

WIDTH, ROWS, COLUMNS, PATCH = 48, 4, 3, 16


def model(**arguments: Any) -> Any:
    sizes: dict[str, Any] = {
        "img_size": (ROWS * PATCH, COLUMNS * PATCH),
        "embed_dim": WIDTH,
        "depth": 2,
        "num_heads": 3,
    }
    network = timm.create_model(
        "vit_base_patch16_224",
        num_classes=7,
        class_token=False,
        global_pool="avg",
        fc_norm=False,
        **(sizes | arguments),
    )
    return network


def padded(**arguments: Any) -> Any:
    network = model(**arguments)
    network.patch_embed.proj.padding = (2, 2)
    return network


def tensors(rows: int = ROWS, columns: int = COLUMNS) -> State:
    state = made_up(WIDTH, 1, patch=PATCH)
    del state["cls_token"]
    generator = torch.Generator().manual_seed(11)
    return state | {"pos_embed": 0.5 * torch.randn(1, 1 + rows * columns, WIDTH, generator=generator)}


def pose_features(state: State, x: Tensor) -> Tensor:
    family = Family(heads=3)
    kernel, bias = state["patch_embed.proj.weight"], state["patch_embed.proj.bias"]
    x = F.conv2d(x, kernel, bias, stride=PATCH, padding=2).flatten(2).transpose(1, 2)
    x = x + state["pos_embed"][:, 1:] + state["pos_embed"][:, :1]
    for index in range(2):
        block = {n.removeprefix(f"blocks.{index}."): t for n, t in state.items() if n.startswith(f"blocks.{index}.")}
        x = x + attention(block, normed(block, "norm1", x, 1e-6), family, None)
        x = x + mlp(block, normed(block, "norm2", x, 1e-6), family)
    return normed(state, "norm", x, 1e-6)


def write(folder: Path, rows: int = ROWS, columns: int = COLUMNS, associates: bool = False) -> Made:
    state = tensors(rows, columns)
    named = {
        "backbone." + (f"last_{name}" if name.startswith("norm.") else name): tensor for name, tensor in state.items()
    }
    named |= {
        "keypoint_head.deconv_layers.0.weight": torch.randn(WIDTH, 8, 4, 4),
        "keypoint_head.final_layer.weight": torch.randn(17, 8, 1, 1),
        "keypoint_head.final_layer.bias": torch.randn(17),
    }
    if associates:
        named["associate_keypoint_heads.0.final_layer.bias"] = torch.randn(17)
    torch.save({"meta": {"mmpose_version": "0.24.0", "epoch": 210}, "state_dict": named}, folder / "vitpose-b.pth")
    return Made(folder / "vitpose-b.pth", partial(pose_features, state))


whole = partial(padded, img_size=(256, 192))

EXAMPLES = [
    Example("ViTPose", "ViTPose", write, padded, input_size=(3, 64, 48)),
    Example(
        "ViTPose, 16 x 12 patches",
        "ViTPose",
        partial(write, rows=16, columns=12, associates=True),
        whole,
        input_size=(3, 256, 192),
    ),
]
