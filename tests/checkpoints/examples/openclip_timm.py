"""OpenCLIP's wrapper around a timm tower, made by open_clip itself. timm's towers are full-size there, so that the tiny
ones are put in by their own class: a test model where timm has one, else timm's tower of that name made small."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import open_clip
import timm
import torch
from torch import Tensor, nn

from . import Example, Made, randomise

TEXT = {"context_length": 8, "vocab_size": 20, "width": 32, "heads": 2, "layers": 1}
SMALL = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 3}
CONVNEXT = {"depths": (1, 1, 2, 1), "dims": (16, 24, 32, 40)}
BUILD: Callable[..., nn.Module] = timm.create_model


def build(tower: str, sizes: dict[str, Any], **arguments: Any) -> nn.Module:
    return BUILD(tower, **(arguments | sizes))


def network(tower: str, sizes: dict[str, Any], kind: type[nn.Module], pool: str, proj: str | None) -> nn.Module:
    vision = {"timm_model_name": tower, "timm_model_pretrained": False, "timm_pool": pool, "timm_proj": proj}
    with mock.patch("timm.create_model", lambda name, **arguments: build(name, sizes, **arguments)):
        return randomise(kind(embed_dim=48, vision_cfg=vision, text_cfg=TEXT))


def made(
    folder: Path,
    *,
    tower: str,
    sizes: dict[str, Any],
    pool: str,
    proj: str | None,
    kind: type[nn.Module] = open_clip.CustomTextCLIP,
    module: str = "",
) -> Made:
    trunk = (peer := network(tower, sizes, kind, pool, proj)).visual.trunk  # type: ignore[union-attr]
    state = {module + name: tensor for name, tensor in peer.state_dict().items()}
    file = folder / ("epoch_3.pt" if module else "open_clip_pytorch_model.bin")
    torch.save({"epoch": 3, "name": "run", "state_dict": state} if module else state, file)
    return Made(file, partial(pooled, trunk))  # type: ignore[arg-type]


def pooled(m: nn.Module, x: Tensor) -> Tensor:
    return m.forward_head(m.forward_features(x), pre_logits=True)  # type: ignore[no-any-return, operator]


def example(name: str, tower: str, sizes: dict[str, Any], pool: str, proj: str | None, **how: Any) -> Example:
    make = partial(made, tower=tower, sizes=sizes, pool=pool, proj=proj, **how)
    # open_clip makes this trunk average after it was built, and leaves its norm before the average
    averages = {"global_pool": "avg", "fc_norm": False} if tower == "test_vit" else {}
    target = partial(build, tower, sizes, num_classes=7, **averages)
    size = (3, 160, 160) if tower == "test_vit" else (3, 32, 32)
    return Example(f"OpenCLIP, timm tower: {name}", "OpenCLIP around timm", make, target, pooled, size)


SIGLIP, EVA = "vit_base_patch16_siglip_224", "eva02_base_patch16_clip_224"
EXAMPLES = [
    example("ViT", "test_vit", {}, "avg", "linear"),
    example("SigLIP", SIGLIP, SMALL, "map", "none"),
    example("SigLIP, training", SIGLIP, SMALL, "map", "none", module="module."),
    example("EVA-02", EVA, SMALL, "token", None),
    example("ConvNeXt", "convnext_base", CONVNEXT, "", "linear", kind=open_clip.CLIP),
    example("ConvNeXt, MLP", "convnext_large", CONVNEXT, "", "mlp", kind=open_clip.CLIP),
]
