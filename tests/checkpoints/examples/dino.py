"""DINO's files (facebookresearch/dino): bare backbones and full checkpoints, of ViTs and of torchvision's ResNet."""

import argparse
from functools import partial
from pathlib import Path

import timm
import torch
import torchvision
from torch import Tensor, nn

from . import Example, Made, randomise
from ._projectors import of_dino
from ._vit_forward import Family, State, forward, made_up, resized

SIZES = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 3}


def model(name: str = "vit_small_patch16_224", **arguments: object) -> nn.Module:
    return timm.create_model(name, num_classes=7, **(SIZES | arguments))


def published(folder: Path, grid: int = 4) -> Made:
    state = made_up(48, grid)
    torch.save(state, folder / "dino_deitsmall8_pretrain.pth")
    family = Family(heads=3, positions=resized(antialias=False, offset=0.1))
    return Made(folder / "dino_deitsmall8_pretrain.pth", lambda x: forward(state, x, family))


def full(backbone: State, width: int, file: Path, wrapped: str = "") -> None:
    """Save what its training saves; the student's names have ``module.`` in front, the teacher's may have."""
    teacher = {f"backbone.{name}": tensor for name, tensor in backbone.items()} | of_dino("head.", width)
    student = {f"module.{name}": torch.zeros_like(tensor) for name, tensor in teacher.items()}
    content = {
        "student": student,
        "teacher": {f"{wrapped}{name}": tensor for name, tensor in teacher.items()},
        "optimizer": {},
        "epoch": 100,
        "args": argparse.Namespace(arch="vit_small", patch_size=8),
        "dino_loss": {"center": torch.zeros(1, 40)},
    }
    torch.save(content, file)


def full_vit(folder: Path, wrapped: str = "") -> Made:
    state = made_up(48, 4)
    file = folder / "dino_deitsmall8_pretrain_full_checkpoint.pth"
    full(state, 48, file, wrapped)
    return Made(file, lambda x: forward(state, x, Family(heads=3)))


def full_resnet(folder: Path) -> Made:
    peer = randomise(torchvision.models.resnet18())
    peer.fc = nn.Identity()
    file = folder / "dino_resnet18_full_checkpoint.pth"
    full(peer.state_dict(), 512, file)
    return Made(file, peer)


def pooled(m: nn.Module, x: Tensor) -> Tensor:
    return m.forward_head(m.forward_features(x), pre_logits=True)  # type: ignore[operator]


EXAMPLES = [
    Example("DINO, backbone", "DINO", published, model),
    Example("DINO, backbone for another size", "DINO", partial(published, grid=6), model),
    Example("DINO, full checkpoint", "DINO", full_vit, model),
    Example("DINO, full checkpoint of DataParallel", "DINO", partial(full_vit, wrapped="module."), model),
    Example(
        "DINO, ResNet", "DINO", full_resnet, partial(timm.create_model, "resnet18", num_classes=7), pooled, (3, 64, 64)
    ),
]
