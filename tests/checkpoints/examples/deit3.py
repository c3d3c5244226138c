"""DeiT-III's files (facebookresearch/deit, models_v2)."""

from functools import partial
from pathlib import Path

import timm
import torch
from torch import nn

from . import Example, Made
from ._vit_forward import Family, State, forward, made_up, with_scale

SIZES = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 3}
FAMILY = Family(heads=3, slots=0, scale="gamma_{}")


def model(name: str = "deit3_small_patch16_224", **arguments: object) -> nn.Module:
    return timm.create_model(name, num_classes=7, **(SIZES | arguments))


def tensors() -> State:
    return with_scale(made_up(48, 4, 0), "gamma_{}") | {
        "head.weight": torch.randn(21, 48),
        "head.bias": torch.randn(21),
    }


def published(folder: Path) -> Made:
    state = tensors()
    torch.save({"model": state}, folder / "deit_3_small_224_1k.pth")
    return Made(folder / "deit_3_small_224_1k.pth", lambda x: forward(state, x, FAMILY))


EXAMPLES = [
    Example("DeiT-III", "DeiT-III", published, model),
    Example(
        "DeiT-III, into a ViT with a row for the class token",
        "DeiT-III",
        published,
        partial(model, "vit_small_patch16_224", init_values=1e-5),
    ),
]
