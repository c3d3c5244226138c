"""MoCo v3's files (facebookresearch/moco-v3): training's checkpoints, and those of its linear evaluation."""

from functools import partial
from pathlib import Path

import timm
import torch
import torchvision
from torch import Tensor, nn

from . import Example, Made, randomise
from ._projectors import of_moco
from ._vit_forward import Family, State, forward, made_up

SIZES = {
    "img_size": 32,
    "patch_size": 8,
    "embed_dim": 384,
    "depth": 1,
    "num_heads": 6,
    "mlp_ratio": 1,
}  # as everybody's ViT-S
FAMILY = Family(heads=12)


def model(**arguments: object) -> nn.Module:
    return timm.create_model("vit_small_patch16_224", num_classes=7, **(SIZES | arguments))


def fixed_positions(width: int, side: int) -> Tensor:
    """Return zeros for the class token, then for each patch sines and cosines of its row, then of its column."""
    speeds = torch.tensor([10000 ** -(index / (width // 4)) for index in range(width // 4)])
    rows = [torch.zeros(width)]
    for row in range(side):
        for column in range(side):
            rows.append(torch.cat([f(place * speeds) for place in (row, column) for f in (torch.sin, torch.cos)]))
    return torch.stack(rows)[None]


def tensors() -> State:
    return made_up(384, 4, depth=1, hidden=1) | {"pos_embed": fixed_positions(384, 4)}


def checkpoint(encoder: State, projector: str, width: int, *, arch: str) -> dict[str, object]:
    head = of_moco(f"{projector}.", (width, 32, 32, 16))
    base = encoder | head
    state = {f"module.base_encoder.{name}": tensor for name, tensor in base.items()}
    state |= {f"module.momentum_encoder.{name}": torch.zeros_like(tensor) for name, tensor in base.items()}
    state |= of_moco("module.predictor.", (16, 32, 16))
    return {"epoch": 300, "arch": arch, "state_dict": state, "optimizer": {}, "scaler": {}}


def vit(folder: Path) -> Made:
    state = tensors()
    file = folder / "vit-s-300ep.pth.tar"
    torch.save(checkpoint(state, "head", 384, arch="vit_small"), file)
    return Made(file, lambda x: forward(state, x, FAMILY))


def converted(folder: Path) -> Made:
    """What its convert_to_deit.py writes: the backbone under ``model``, as MAE's files are."""
    state = tensors()
    torch.save({"model": state}, folder / "converted.pth")
    return Made(folder / "converted.pth", lambda x: forward(state, x, FAMILY))


def resnet(folder: Path) -> Made:
    peer = randomise(torchvision.models.resnet18())
    peer.fc = nn.Identity()
    torch.save(checkpoint(peer.state_dict(), "fc", 512, arch="resnet18"), folder / "r-18-1000ep.pth.tar")
    return Made(folder / "r-18-1000ep.pth.tar", peer)


def linear(folder: Path) -> Made:
    state = tensors()
    whole = {f"module.{name}": tensor for name, tensor in state.items()}
    whole |= {"module.head.weight": torch.randn(1000, 384), "module.head.bias": torch.randn(1000)}
    file = folder / "linear-vit-s-300ep.pth.tar"
    torch.save({"epoch": 90, "arch": "vit_small", "state_dict": whole, "best_acc1": 73.2, "optimizer": {}}, file)
    return Made(file, lambda x: forward(state, x, FAMILY))


def pooled(m: nn.Module, x: Tensor) -> Tensor:
    return m.forward_head(m.forward_features(x), pre_logits=True)  # type: ignore[operator]


EXAMPLES = [
    Example("MoCo v3, ViT-S", "MoCo v3", vit, model),
    Example("MoCo v3, converted for DeiT", "MoCo v3", converted, model),
    Example("MoCo v3, linear evaluation", "MoCo v3", linear, model),
    Example(
        "MoCo v3, ResNet",
        "MoCo v3",
        resnet,
        partial(timm.create_model, "resnet18", num_classes=7),
        pooled,
        (3, 64, 64),
    ),
]
