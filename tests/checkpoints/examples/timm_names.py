"""Files of timm itself: its models, its training script's checkpoints, what wrappers add, and old jx_vit files."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from . import Example, Made, randomise

SIZES = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 3}
Wrap = Callable[[dict[str, Tensor]], object]


def vit(num_classes: int = 7, name: str = "vit_base_patch16_224", **arguments: object) -> nn.Module:
    return timm.create_model(name, num_classes=num_classes, **(SIZES | arguments))


def small(name: str, num_classes: int = 7, **arguments: object) -> nn.Module:
    return timm.create_model(name, num_classes=num_classes, **arguments)


def write(folder: Path, build: Callable[..., nn.Module], wrap: Wrap = dict, name: str = "weights.pth") -> Made:
    peer = randomise(build(num_classes=11))
    torch.save(wrap(peer.state_dict()), folder / name)
    return Made(folder / name, peer.forward_features)  # type: ignore[arg-type]


def with_ema(state: dict[str, Tensor]) -> object:
    other = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
    return {"epoch": 3, "arch": "vit_base_patch16_224", "state_dict": other, "state_dict_ema": state, "optimizer": {}}


def prefixed(state: dict[str, Tensor]) -> object:
    return {"state_dict": {f"module._orig_mod.{name}": tensor for name, tensor in state.items()}}


def in_lightning(state: dict[str, Tensor]) -> object:
    inner = {f"model.{name}": tensor for name, tensor in state.items()}
    return {
        "pytorch-lightning_version": "2.4.0",
        "epoch": 9,
        "state_dict": inner | {"criterion.weight": torch.ones(11)},
        "hyper_parameters": {"lr": 1e-3},
    }


def with_pre_logits(state: dict[str, Tensor]) -> object:
    return state | {
        "pre_logits.fc.weight": torch.randn(48, 48),
        "pre_logits.fc.bias": torch.randn(48),
        "head.weight": torch.zeros(21843, 48),
        "head.bias": torch.zeros(21843),
    }


def safetensors(folder: Path) -> Made:
    peer = randomise(vit(11))
    save_file(peer.state_dict(), folder / "model.safetensors")
    return Made(folder / "model.safetensors", peer.forward_features)  # type: ignore[arg-type]


registers = partial(vit, reg_tokens=4, no_embed_class=True, init_values=1e-5)
pre_norm = partial(vit, pre_norm=True)

EXAMPLES = [
    Example("timm, bare", "timm", partial(write, build=vit), vit),
    Example("timm, safetensors", "timm", safetensors, vit),
    Example("timm, EMA preferred", "timm", partial(write, build=vit, wrap=with_ema), vit),
    Example("timm, DataParallel and compile", "timm", partial(write, build=vit, wrap=prefixed), vit),
    Example("Lightning around timm", "timm", partial(write, build=vit, wrap=in_lightning, name="last.ckpt"), vit),
    Example("timm, registers", "timm", partial(write, build=registers), registers),
    Example("timm, norm_pre", "timm", partial(write, build=pre_norm), pre_norm),
    Example(
        "timm, jx in21k",
        "timm",
        partial(write, build=vit, wrap=with_pre_logits, name="jx_vit_base_patch8_32_in21k-0.pth"),
        vit,
    ),
    Example("timm, ResNet", "timm", partial(write, build=partial(small, "test_resnet")), partial(small, "test_resnet")),
    Example(
        "timm, EfficientNet",
        "timm",
        partial(write, build=partial(small, "test_efficientnet")),
        partial(small, "test_efficientnet"),
    ),
    Example(
        "timm, ConvNeXt", "timm", partial(write, build=partial(small, "test_convnext")), partial(small, "test_convnext")
    ),
]
