"""iBOT's files (bytedance/ibot): backbones of teacher and student, and full checkpoints."""

import argparse
from functools import partial
from pathlib import Path

import timm
import torch
from torch import nn

from . import Example, Made
from ._projectors import of_dino
from ._vit_forward import Family, forward, made_up, with_scale

SIZES = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 3}
FAMILY = Family(heads=3)


def model(**arguments: object) -> nn.Module:
    return timm.create_model("vit_small_patch16_224", num_classes=7, **(SIZES | arguments))


def teacher(folder: Path) -> Made:
    state = made_up(48, 4)
    torch.save({"state_dict": state}, folder / "checkpoint_teacher.pth")
    return Made(folder / "checkpoint_teacher.pth", lambda x: forward(state, x, FAMILY))


def student(folder: Path) -> Made:
    state = with_scale(made_up(48, 4), "gamma_{}")
    torch.save({"state_dict": state | {"masked_embed": torch.randn(1, 48)}}, folder / "checkpoint_student.pth")
    return Made(folder / "checkpoint_student.pth", lambda x: forward(state, x, Family(heads=3, scale="gamma_{}")))


def full(folder: Path) -> Made:
    state = made_up(48, 4)
    networks = {f"backbone.{name}": tensor for name, tensor in state.items()} | of_dino("head.", 48, second=True)
    masked = {"module.backbone.masked_embed": torch.zeros(1, 48)}
    content = {
        "student": {f"module.{name}": torch.zeros_like(tensor) for name, tensor in networks.items()} | masked,
        "teacher": networks,
        "optimizer": {},
        "epoch": 800,
        "args": argparse.Namespace(arch="vit_small"),
        "ibot_loss": {"center": torch.zeros(1, 40), "center2": torch.zeros(1, 1, 40)},
    }
    torch.save(content, folder / "checkpoint.pth")
    return Made(folder / "checkpoint.pth", lambda x: forward(state, x, FAMILY))


EXAMPLES = [
    Example("iBOT, teacher's backbone", "iBOT", teacher, model),
    Example("iBOT, student's backbone", "iBOT", student, partial(model, init_values=1e-5)),
    Example("iBOT, full checkpoint", "iBOT", full, model),
]
