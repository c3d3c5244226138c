"""DINOv2's files (facebookresearch/dinov2): with and without registers, SwiGLU, classifiers, and training's."""

from functools import partial
from pathlib import Path

import timm
import torch
from torch import nn

from . import Example, Made
from ._projectors import of_dino
from ._vit_forward import Family, State, forward, gated, made_up, resized, with_scale

SIZES = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 3}
SCALE = "ls{}.gamma"
PLAIN = Family(heads=3, scale=SCALE, positions=resized(antialias=False, offset=0.1))
REGISTERS = Family(heads=3, scale=SCALE, tokens=("cls_token", "register_tokens"), positions=resized(antialias=True))


def model(name: str = "vit_small_patch14_dinov2", **arguments: object) -> nn.Module:
    return timm.create_model(name, num_classes=7, **(SIZES | arguments))


def tensors(grid: int = 4, registers: int = 0, depth: int = 2) -> State:
    state = with_scale(made_up(48, grid, depth=depth), SCALE) | {"mask_token": torch.randn(1, 48)}
    if registers:
        state["register_tokens"] = torch.randn(1, registers, 48, generator=torch.Generator().manual_seed(9))
    return state


def published(folder: Path, grid: int = 4) -> Made:
    state = tensors(grid)
    torch.save(state, folder / "dinov2_vits14_pretrain.pth")
    return Made(folder / "dinov2_vits14_pretrain.pth", lambda x: forward(state, x, PLAIN))


def with_registers(folder: Path, grid: int = 4) -> Made:
    state = tensors(grid, registers=4)
    torch.save(state, folder / "dinov2_vits14_reg4_pretrain.pth")
    return Made(folder / "dinov2_vits14_reg4_pretrain.pth", lambda x: forward(state, x, REGISTERS))


def giant(folder: Path) -> Made:
    state = gated(tensors(), 64, ("w12", "w3"))
    torch.save(state, folder / "dinov2_vitg14_pretrain.pth")
    return Made(folder / "dinov2_vitg14_pretrain.pth", lambda x: forward(state, x, PLAIN))


def classifier(folder: Path) -> Made:
    state = tensors()
    whole = {f"backbone.{name}": tensor for name, tensor in state.items()}
    whole |= {"linear_head.weight": torch.randn(1000, 96), "linear_head.bias": torch.randn(1000)}
    torch.save(whole, folder / "dinov2_vits14_lc.pth")
    return Made(folder / "dinov2_vits14_lc.pth", lambda x: forward(state, x, PLAIN))


def training(folder: Path) -> Made:
    """The teacher, whose four blocks are cut into two chunks; the number of a block counts through both."""
    state = tensors(depth=4)
    teacher = of_dino("dino_head.", 48) | of_dino("ibot_head.", 48)
    for name, tensor in state.items():
        block = name.split(".")[1] if name.startswith("blocks.") else ""
        chunked = name.replace("blocks.", f"blocks.{int(block) // 2}.", 1) if block else name
        teacher[f"backbone.{chunked}"] = tensor
    torch.save({"teacher": teacher}, folder / "teacher_checkpoint.pth")
    return Made(folder / "teacher_checkpoint.pth", lambda x: forward(state, x, PLAIN))


EXAMPLES = [
    Example("DINOv2", "DINOv2", published, model),
    Example("DINOv2, for another size", "DINOv2", partial(published, grid=6), model),
    Example("DINOv2, registers", "DINOv2", with_registers, partial(model, "vit_small_patch14_reg4_dinov2")),
    Example(
        "DINOv2, registers, for another size",
        "DINOv2",
        partial(with_registers, grid=6),
        partial(model, "vit_small_patch14_reg4_dinov2"),
    ),
    Example("DINOv2, giant", "DINOv2", giant, partial(model, "vit_giant_patch14_dinov2", mlp_ratio=128 / 48)),
    Example("DINOv2, with a linear classifier", "DINOv2", classifier, model),
    Example("DINOv2, a training's teacher", "DINOv2", training, partial(model, depth=4)),
]
