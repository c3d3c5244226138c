"""DINOv3's ConvNeXts (facebookresearch/dinov3)."""

import math
from pathlib import Path

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import Example, Made

DEPTHS, WIDTHS = (1, 1, 2, 1), (8, 16, 24, 32)


def model() -> nn.Module:
    return timm.create_model("convnext_tiny", num_classes=7, depths=DEPTHS, dims=WIDTHS)


def tensors() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(4)

    def layer(*shape: int) -> dict[str, Tensor]:
        norm = len(shape) == 1
        weight = torch.randn(*shape, generator=generator) * (0.2 if norm else math.prod(shape[1:]) ** -0.5)
        return {"weight": weight + norm, "bias": 0.2 * torch.randn(shape[0], generator=generator)}

    state: dict[str, Tensor] = {}

    def put(name: str, *shape: int) -> None:
        state.update({f"{name}.{leaf}": tensor for leaf, tensor in layer(*shape).items()})

    for stage, (depth, width) in enumerate(zip(DEPTHS, WIDTHS, strict=True)):
        before = WIDTHS[stage - 1] if stage else 3
        kernel, norm = ("0", "1") if stage == 0 else ("1", "0")
        put(f"downsample_layers.{stage}.{kernel}", width, before, *(2 * [4 if stage == 0 else 2]))
        put(f"downsample_layers.{stage}.{norm}", width if stage == 0 else before)
        for index in range(depth):
            block = f"stages.{stage}.{index}"
            put(f"{block}.dwconv", width, 1, 7, 7)
            put(f"{block}.norm", width)
            put(f"{block}.pwconv1", 4 * width, width)
            put(f"{block}.pwconv2", width, 4 * width)
            state[f"{block}.gamma"] = 0.5 + 0.2 * torch.randn(width, generator=generator)
    put("norm", WIDTHS[-1])
    return state | {f"norms.3.{leaf}": state[f"norm.{leaf}"] for leaf in ("weight", "bias")}


def forward(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """Return the average over all places, normed."""

    def weights(name: str) -> tuple[Tensor, Tensor]:
        return state[f"{name}.weight"], state[f"{name}.bias"]

    def norm(name: str, y: Tensor) -> Tensor:
        """Norm of channels ``(B, H, W, C)``."""
        return F.layer_norm(y, y.shape[-1:], *weights(name), 1e-6)

    for stage, depth in enumerate(DEPTHS):
        down = f"downsample_layers.{stage}"
        if stage == 0:
            x = norm(f"{down}.1", F.conv2d(x, *weights(f"{down}.0"), stride=4).permute(0, 2, 3, 1))
        else:
            x = norm(f"{down}.0", x).permute(0, 3, 1, 2)
            x = F.conv2d(x, *weights(f"{down}.1"), stride=2).permute(0, 2, 3, 1)
        for index in range(depth):
            block = f"stages.{stage}.{index}"
            deep = F.conv2d(x.permute(0, 3, 1, 2), *weights(f"{block}.dwconv"), padding=3, groups=x.shape[-1])
            y = F.gelu(F.linear(norm(f"{block}.norm", deep.permute(0, 2, 3, 1)), *weights(f"{block}.pwconv1")))
            x = x + state[f"{block}.gamma"] * F.linear(y, *weights(f"{block}.pwconv2"))
    return norm("norm", x.mean((1, 2)))


def published(folder: Path) -> Made:
    state = tensors()
    torch.save(state, folder / "dinov3_convnext_tiny_pretrain_lvd1689m-21b726bb.pth")
    return Made(folder / "dinov3_convnext_tiny_pretrain_lvd1689m-21b726bb.pth", lambda x: forward(state, x))


def pooled(m: nn.Module, x: Tensor) -> Tensor:
    return m.forward_head(m.forward_features(x), pre_logits=True)  # type: ignore[operator]


EXAMPLES = [Example("DINOv3, ConvNeXt", "DINOv3 ConvNeXt", published, model, pooled, (3, 64, 64))]
