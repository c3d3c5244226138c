"""Masked autoencoders, made by transformers itself; with nothing masked and the patches in their order."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import ViTMAEConfig, ViTMAEForPreTraining, ViTMAEModel

from . import Example
from ._hf_files import SIZES, written
from .hf_vit import model

DIALECT = "transformers ViTMAE"
POSITIONS = "embeddings.position_embeddings"  # sines, by which a bare encoder is told from a ViT


def everything_seen(network: Any, pictures: Tensor) -> Tensor:
    noise = torch.arange(16.0).expand(len(pictures), -1)
    found = network(pixel_values=pictures, noise=noise)
    assert torch.equal(found.ids_restore, noise.long())
    assert isinstance(found.last_hidden_state, Tensor)
    return found.last_hidden_state


def bare() -> nn.Module:
    return ViTMAEModel(ViTMAEConfig(**SIZES, mask_ratio=0.0))


def full() -> nn.Module:
    decoder = {f"decoder_{name}": SIZES[name] for name in ("hidden_size", "num_attention_heads", "intermediate_size")}
    return ViTMAEForPreTraining(ViTMAEConfig(**SIZES, **decoder, decoder_num_hidden_layers=1, mask_ratio=0.0))


def example(name: str, build: Any, how: str, inner: str = "") -> Example:
    keep = (f"{inner}.{POSITIONS}".lstrip("."),)
    return Example(
        f"transformers ViTMAE, {name}", DIALECT, written(build, everything_seen, inner=inner, how=how, keep=keep), model
    )


EXAMPLES = [
    example("with decoder", full, "safetensors", "vit"),
    example("with decoder, memory", full, "memory", "vit"),
    example("with decoder, folder", full, "folder", "vit"),
    example("encoder", bare, "safetensors"),
    example("encoder, memory", bare, "memory"),
]
