"""DeiT's files (facebookresearch/deit), with and without distillation."""

import argparse
from functools import partial
from pathlib import Path

import timm
import torch
from torch import nn

from . import Example, Made
from ._vit_forward import Family, State, forward, made_up

SIZES = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 3}
PLAIN = Family(heads=3)
DISTILLED = Family(heads=3, slots=2, tokens=("cls_token", "dist_token"))


def model(name: str = "deit_small_patch16_224", **arguments: object) -> nn.Module:
    return timm.create_model(name, num_classes=7, **(SIZES | arguments))


def tensors(classes: int = 1000) -> State:
    return made_up(48, 4) | {"head.weight": torch.randn(classes, 48), "head.bias": torch.randn(classes)}


def distilled_tensors(classes: int = 1000) -> State:
    second = {"head_dist.weight": torch.randn(classes, 48), "head_dist.bias": torch.randn(classes)}
    return tensors(classes) | made_up(48, 4, 2) | second | {"dist_token": torch.randn(1, 1, 48)}


def published(folder: Path) -> Made:
    state = tensors()
    torch.save({"model": state}, folder / "deit_small_patch16_224-cd65a155.pth")
    return Made(folder / "deit_small_patch16_224-cd65a155.pth", lambda x: forward(state, x, PLAIN))


def training(folder: Path) -> Made:
    """Its training saves the network and its moving average, here zeros and what counts."""
    state = tensors(9)
    file = folder / "checkpoint.pth"
    last = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
    args = argparse.Namespace(model="deit_small_patch16_224", batch_size=64)
    torch.save({"model": last, "model_ema": state, "optimizer": {}, "lr_scheduler": {}, "epoch": 3, "args": args}, file)
    return Made(file, lambda x: forward(state, x, PLAIN))


def distilled(folder: Path) -> Made:
    state = distilled_tensors()
    file = folder / "deit_small_distilled_patch16_224-649709d9.pth"
    torch.save({"model": state}, file)
    return Made(file, lambda x: forward(state, x, DISTILLED))


EXAMPLES = [
    Example("DeiT", "DeiT", published, model),
    Example("DeiT, a training's checkpoint", "DeiT", training, model),
    Example("DeiT, distilled", "DeiT", distilled, partial(model, "deit_small_distilled_patch16_224")),
]
