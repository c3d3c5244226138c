"""Files of facebookresearch/ConvNeXt and ConvNeXt-V2. The networks that compute the features are torchvision's (first
version) and transformers' (second), whose tensors are written under the projects' names."""

import argparse
import re
from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn
from transformers import ConvNextV2Config, ConvNextV2Model

from . import Example, Made, randomise
from .torchvision_convnext import DEPTHS, WIDTHS, before_head, ours, peer

State = dict[str, Tensor]
SECOND = {
    r"^embeddings\.patch_embeddings": "downsample_layers.0.0",
    r"^embeddings\.layernorm": "downsample_layers.0.1",
    r"^encoder\.stages\.(\d+)\.downsampling_layer": r"downsample_layers.\1",
    r"^encoder\.stages\.(\d+)\.layers": r"stages.\1",
    "layernorm": "norm",
    "grn.weight": "grn.gamma",
    "grn.bias": "grn.beta",
}
FIRST = {"block.0": "dwconv", "block.2": "norm", "block.3": "pwconv1", "block.5": "pwconv2", "layer_scale": "gamma"}


def model(name: str) -> nn.Module:
    return timm.create_model(name, num_classes=7, dims=WIDTHS, depths=DEPTHS)


def first_names(state: State) -> State:
    named = {}
    for name, tensor in state.items():
        number, _, rest = name.removeprefix("features.").partition(".")
        if name.startswith("classifier"):
            named[name.replace("classifier.0", "norm").replace("classifier.2", "head")] = tensor
        elif int(number) % 2 == 0:
            named[f"downsample_layers.{int(number) // 2}.{rest}"] = tensor
        else:
            block, _, part = rest.partition(".")
            for theirs, official in FIRST.items():
                part = re.sub(rf"^{re.escape(theirs)}(?=\.|$)", official, part)
            named[f"stages.{int(number) // 2}.{block}.{part}"] = tensor.flatten() if part == "gamma" else tensor
    return named


def first(folder: Path, training: bool = False) -> Made:
    network = peer()
    state = first_names(network.state_dict())
    content: dict[str, Any] = {"model": state}
    if training:
        other = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
        content = {"model": other, "model_ema": state, "epoch": 4, "args": argparse.Namespace(drop_path=0.1)}
        content |= {"optimizer": torch.optim.AdamW(network.parameters()).state_dict(), "scaler": {}}
    torch.save(content, folder / "convnext_tiny_1k_224_ema.pth")
    return Made(folder / "convnext_tiny_1k_224_ema.pth", partial(before_head, network))


def second_peer() -> Any:
    config = ConvNextV2Config(hidden_sizes=[*WIDTHS], depths=[*DEPTHS], layer_norm_eps=1e-6)
    network = randomise(ConvNextV2Model(config))
    with torch.no_grad():
        for name, tensor in network.named_parameters():
            if ".grn." in name:  # begin at zero, where they would not show
                tensor.copy_(0.3 * torch.randn(tensor.shape, generator=torch.Generator().manual_seed(len(name))))
    return network


def second_names(state: State) -> State:
    named = {}
    for key, tensor in state.items():
        name = key
        for theirs, official in SECOND.items():
            name = re.sub(theirs, official, name)
        named[name] = tensor
    return named


def pooled(network: Any, x: Tensor) -> Tensor:
    found = network(pixel_values=x).pooler_output
    assert isinstance(found, Tensor)
    return found


def second(folder: Path, classifier: bool = True) -> Made:
    network = second_peer()
    state = second_names(network.state_dict())
    if classifier:
        state |= {"head.weight": torch.randn(1000, WIDTHS[-1]), "head.bias": torch.randn(1000)}
        torch.save({"model": state}, folder / "convnextv2_tiny_1k_224_ema.pt")
        return Made(folder / "convnextv2_tiny_1k_224_ema.pt", partial(pooled, network))
    encoder = {name: tensor for name, tensor in state.items() if not name.startswith("norm.")}
    torch.save({"model": encoder}, folder / "convnextv2_tiny_1k_224_fcmae.pt")
    return Made(folder / "convnextv2_tiny_1k_224_fcmae.pt", partial(places, network))


def places(network: Any, x: Tensor) -> Tensor:
    """Return what comes out of the last stage, before the norm that pretraining does not have."""
    found = network(pixel_values=x).last_hidden_state
    assert isinstance(found, Tensor)
    return found


def sparse(state: State) -> State:
    """Write an encoder as MinkowskiEngine's layers keep it."""
    named = {}
    for name, tensor in state.items():
        part, _, leaf = name.rpartition(".")
        downsampled = re.fullmatch(r"downsample_layers\.[123]\.(\d)", part)
        if name.startswith("norm."):
            continue
        if part.endswith("dwconv") or (downsampled and downsampled[1] == "1"):
            if leaf == "bias":
                named[f"encoder.{name}"] = tensor[None]
            elif part.endswith("dwconv"):  # (width, 1, row, column) -> (column · row, width)
                named[f"encoder.{part}.kernel"] = tensor[:, 0].permute(2, 1, 0).flatten(0, 1).contiguous()
            else:  # (out, in, row, column) -> (column · row, in, out)
                named[f"encoder.{part}.kernel"] = tensor.permute(3, 2, 1, 0).flatten(0, 1).contiguous()
        elif re.search(r"\.norm$|\.pwconv\d$", part) or downsampled:
            layer = "linear" if "pwconv" in part else "ln"
            named[f"encoder.{part}.{layer}.{leaf}"] = tensor
        else:
            named[f"encoder.{name}"] = tensor[0, 0] if ".grn." in name else tensor
    return named


def pretraining(folder: Path) -> Made:
    network = second_peer()
    decoder = {
        "mask_token": torch.randn(1, 24, 1, 1),
        "proj.weight": torch.randn(24, WIDTHS[-1], 1, 1),
        "proj.bias": torch.randn(24),
        "decoder.0.dwconv.weight": torch.randn(24, 1, 7, 7),
        "decoder.0.grn.gamma": torch.randn(1, 1, 1, 96),
        "pred.weight": torch.randn(3072, 24, 1, 1),
        "pred.bias": torch.randn(3072),
    }
    content = {"model": sparse(second_names(network.state_dict())) | decoder, "epoch": 799, "optimizer": {}}
    torch.save(content, folder / "checkpoint-799.pth")
    return Made(folder / "checkpoint-799.pth", partial(places, network))


def example(name: str, make: Any, into: str, **arguments: Any) -> Example:
    return Example(name, "ConvNeXt", make, partial(model, into), input_size=(3, 64, 64), **arguments)


EXAMPLES = [
    example("ConvNeXt, official", first, "convnext_tiny", ours=ours),
    example("ConvNeXt, official training, EMA", partial(first, training=True), "convnext_tiny", ours=ours),
    example("ConvNeXt V2, official", second, "convnextv2_tiny", ours=ours),
    example("ConvNeXt V2, FCMAE", partial(second, classifier=False), "convnextv2_tiny"),
    example("ConvNeXt V2, FCMAE training", pretraining, "convnextv2_tiny"),
]
