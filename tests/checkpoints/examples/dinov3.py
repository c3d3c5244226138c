"""DINOv3's ViTs (facebookresearch/dinov3): rotated positions, registers, biases that are masked or zero, SwiGLU."""

from functools import partial
from pathlib import Path

import timm
import torch
from torch import nn

from . import Example, Made
from ._projectors import of_dino
from ._vit_forward import Family, State, forward, gated, made_up, with_scale

SIZES = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 3}
FAMILY = Family(heads=3, eps=1e-5, slots=0, scale="ls{}.gamma", tokens=("cls_token", "storage_tokens"), rope=True)


def model(name: str = "vit_small_patch16_dinov3", **arguments: object) -> nn.Module:
    return timm.create_model(name, num_classes=7, **(SIZES | arguments))


def tensors(*, zero_bias: bool) -> State:
    state = with_scale(made_up(48, 4, 0), "ls{}.gamma")
    del state["pos_embed"]
    for index in range(2):
        bias = f"blocks.{index}.attn.qkv.bias"
        mask = torch.ones(144)
        mask[48:96] = 0
        state[f"{bias}_mask"] = mask
        state[bias] = torch.zeros(144) if zero_bias else state[bias]
    return state | {
        "storage_tokens": torch.randn(1, 4, 48, generator=torch.Generator().manual_seed(8)),
        "mask_token": torch.zeros(1, 48),
        "rope_embed.periods": 100 ** (torch.arange(4) / 4),
    }


def published(folder: Path, *, zero_bias: bool, rounded: bool = False) -> Made:
    state = tensors(zero_bias=zero_bias)
    if rounded:
        state["rope_embed.periods"] = state["rope_embed.periods"].bfloat16()
    torch.save(state, folder / "dinov3_vits16_pretrain_lvd1689m-08c60483.pth")
    return Made(folder / "dinov3_vits16_pretrain_lvd1689m-08c60483.pth", lambda x: forward(state, x, FAMILY))


def plus(folder: Path) -> Made:
    state = gated(tensors(zero_bias=True), 96, ("w1", "w2", "w3"))
    torch.save(state, folder / "dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth")
    return Made(folder / "dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth", lambda x: forward(state, x, FAMILY))


def training(folder: Path) -> Made:
    state = tensors(zero_bias=False)
    unused = {"backbone.local_cls_norm.weight": torch.ones(48), "backbone.local_cls_norm.bias": torch.ones(48)}
    teacher = {f"backbone.{name}": tensor for name, tensor in state.items()} | unused
    teacher |= of_dino("dino_head.", 48) | of_dino("ibot_head.", 48)
    torch.save({"teacher": teacher}, folder / "teacher_checkpoint.pth")
    return Made(folder / "teacher_checkpoint.pth", lambda x: forward(state, x, FAMILY))


with_biases = partial(model, "vit_small_patch16_dinov3_qkvb")

EXAMPLES = [
    Example("DINOv3, biases of zero", "DINOv3", partial(published, zero_bias=True), model),
    Example("DINOv3, rounded periods", "DINOv3", partial(published, zero_bias=True, rounded=True), model),
    Example("DINOv3, biases", "DINOv3", partial(published, zero_bias=False), with_biases),
    Example("DINOv3, biases of zero into a model with", "DINOv3", partial(published, zero_bias=True), with_biases),
    Example("DINOv3, SwiGLU", "DINOv3", plus, partial(model, "vit_small_plus_patch16_dinov3", mlp_ratio=2.0)),
    Example("DINOv3, a training's teacher", "DINOv3", training, with_biases),
]
