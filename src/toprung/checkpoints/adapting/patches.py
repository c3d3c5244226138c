"""The first layer: number of input channels, and size of the patches."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from toprung.checkpoints.adapting import Workpiece

PatchResize = Literal["refuse", "flexi", "bicubic"]


def adapt_first_layer(work: Workpiece, patch_resize: PatchResize) -> None:
    """Give the first convolution the model's input channels, and its patch size where that is asked for.

    A kernel for RGB becomes one for grey by summing over the colours: a grey picture given three times has the same
    answer. For n channels it is repeated and scaled by 3/n, which keeps the size of the sum.
    """
    for name in _first_layers(work):
        own = work.target.shapes.get(name)
        kernel = work.state.get(name)
        if own is None or kernel is None or len(own) != 4:
            continue
        if kernel.ndim == 2 and kernel.numel() == own.numel():  # timm before 0.4 kept it as a matrix
            kernel = kernel.reshape(own)
            work.put(name, kernel, "matrix to convolution, the same numbers")
        if kernel.ndim != 4 or kernel.shape[0] != own[0]:
            continue
        if kernel.shape[1] == 3 and own[1] != 3:
            kernel = adapt_channels(kernel, own[1])
            work.put(name, kernel, _channels_method(own[1]))
        if kernel.shape[2:] != own[2:] and name == "patch_embed.proj.weight" and patch_resize != "refuse":
            work.put(name, resize_patches(kernel, (own[2], own[3]), patch_resize), _patch_method(patch_resize))


def adapt_channels(kernel: Tensor, channels: int) -> Tensor:
    """Return an RGB kernel ``(O, 3, h, w)`` for another number of input channels."""
    if channels == 1:
        return kernel.sum(dim=1, keepdim=True)
    repeats = -(-channels // 3)
    return kernel.repeat(1, repeats, 1, 1)[:, :channels] * (3 / channels)


def resize_patches(kernel: Tensor, size: tuple[int, int], how: PatchResize) -> Tensor:
    """Return a patch kernel ``(D, C, p, p)`` for patches of another size.

    ``flexi`` is the pseudo-inverse resize of FlexiViT (Beyer et al. 2023, eq. 3-4): a patch enlarged bilinearly has
    the embedding of the small one. ``bicubic`` resizes the kernel as a picture and keeps its sum.
    """
    if how == "flexi":
        from timm.layers import resample_patch_embed

        return resample_patch_embed(kernel.float(), list(size), interpolation="bilinear", antialias=False)
    scale = kernel.shape[2] * kernel.shape[3] / (size[0] * size[1])
    return F.interpolate(kernel.to(torch.float32), size=size, mode="bicubic", align_corners=False) * scale


def _first_layers(work: Workpiece) -> tuple[str, ...]:
    config = getattr(work.model, "pretrained_cfg", None) or {}
    named = config.get("first_conv") or ()
    names = (named,) if isinstance(named, str) else tuple(named)
    return tuple(dict.fromkeys([*(f"{name}.weight" for name in names), "patch_embed.proj.weight"]))


def _channels_method(channels: int) -> str:
    return "summed over RGB" if channels == 1 else f"RGB repeated for {channels} channels, times 3/{channels}"


def _patch_method(how: PatchResize) -> str:
    return "pseudo-inverse resize of FlexiViT" if how == "flexi" else "bicubic, sum kept"
