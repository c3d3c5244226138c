"""Files of bubbliiiing/classification-pytorch: its pretrained ViT, and what its training saves."""

import math
from functools import partial
from pathlib import Path

import timm
import torch
from torch import Tensor, nn

from . import Example, Made
from ._vit_forward import Family, forward, made_up, resized

SIZES = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 3}


def model(**arguments: object) -> nn.Module:
    return timm.create_model("vit_base_patch16_224", num_classes=7, **(SIZES | arguments))


def tanh_gelu(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def saved(folder: Path, name: str, grid: int = 4) -> Made:
    state = made_up(48, grid)
    torch.save(state | {"head.weight": torch.randn(11, 48), "head.bias": torch.randn(11)}, folder / name)
    family = Family(heads=3, act=tanh_gelu, positions=resized(antialias=False))
    return Made(folder / name, lambda x: forward(state, x, family))


EXAMPLES = [
    Example("bubbliiiing, pretrained", "bubbliiiing ViT", partial(saved, name="vit-patch_16.pth"), model),
    Example("bubbliiiing, a training's best", "bubbliiiing ViT", partial(saved, name="best_epoch_weights.pth"), model),
    Example(
        "bubbliiiing, an epoch, for larger pictures",
        "bubbliiiing ViT",
        partial(saved, name="ep100-loss0.010-val_loss0.020.pth", grid=3),
        model,
    ),
]
