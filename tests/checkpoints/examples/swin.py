"""Files of microsoft/Swin-Transformer and SimMIM. torchvision's Swin, which computes the same, gives the features; its
tensors are written under the project's names, with the buffers that the project keeps."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from . import Example, Made
from .torchvision_swin import COMPUTED, SIZE, features, model, peer

State = dict[str, Tensor]


def official(state: State) -> State:
    second = any(name.endswith("logit_scale") for name in state)
    named = {}
    for name, tensor in state.items():
        number, _, rest = name.removeprefix("features.").partition(".")
        if not name.startswith("features."):
            named[name] = tensor
        elif number == "0":
            named["patch_embed." + rest.replace("0.", "proj.").replace("2.", "norm.")] = tensor
        elif int(number) % 2 == 0:
            named[f"layers.{int(number) // 2 - 1}.downsample.{rest}"] = tensor
        else:
            rest = rest.replace(".mlp.0.", ".mlp.fc1.").replace(".mlp.3.", ".mlp.fc2.")
            place = f"layers.{int(number) // 2}.blocks.{rest}"
            if second and place.endswith("attn.qkv.bias"):
                query, _, value = tensor.chunk(3)
                named |= {place.replace("qkv.bias", "q_bias"): query, place.replace("qkv.bias", "v_bias"): value}
            elif place.endswith(COMPUTED[0]):
                named[place] = tensor.reshape(16, 16)
            else:
                named[place] = tensor
    for stage, windows in ((0, 16), (1, 4)):
        named[f"layers.{stage}.blocks.1.attn_mask"] = torch.full((windows, 16, 16), -100.0)
    return named


def write(folder: Path, version: int, classes: int = 1000) -> Made:
    network = peer(version)
    state = official(network.state_dict())
    state |= {"head.weight": torch.randn(classes, 32), "head.bias": torch.randn(classes)}
    torch.save({"model": state}, folder / "swin_tiny_patch4_window7_224.pth")
    return Made(folder / "swin_tiny_patch4_window7_224.pth", partial(features, network))


def training(folder: Path) -> Made:
    network = peer(1)
    content = {
        "model": official(network.state_dict()),
        "optimizer": torch.optim.AdamW(network.parameters()).state_dict(),
        "lr_scheduler": {"step": 3},
        "max_accuracy": 81.2,
        "scaler": {},
        "epoch": 299,
        "config": {"MODEL": {"TYPE": "swin"}},
    }
    torch.save(content, folder / "ckpt_epoch_299.pth")
    return Made(folder / "ckpt_epoch_299.pth", partial(features, network))


def simmim(folder: Path, version: int) -> Made:
    network = peer(version)
    encoder = {name: t for name, t in official(network.state_dict()).items() if not name.startswith("head.")}
    state = {f"encoder.{name}": tensor for name, tensor in encoder.items()}
    state |= {"encoder.mask_token": torch.randn(1, 1, 16)}
    state |= {"decoder.0.weight": torch.randn(3072, 32, 1, 1), "decoder.0.bias": torch.randn(3072)}
    torch.save({"model": state, "epoch": 799, "optimizer": {}}, folder / "simmim_pretrain__swin_base.pth")
    return Made(folder / "simmim_pretrain__swin_base.pth", partial(features, network))


def example(name: str, make: Any, version: int) -> Example:
    return Example(name, "Swin", make, partial(model, version), input_size=SIZE)


EXAMPLES = [
    example("Swin, official", partial(write, version=1), 1),
    example("Swin, official, 22k head", partial(write, version=1, classes=21841), 1),
    example("Swin, official training", training, 1),
    example("Swin V2, official", partial(write, version=2), 2),
    example("SimMIM, Swin", partial(simmim, version=1), 1),
    example("SimMIM, Swin V2", partial(simmim, version=2), 2),
]
