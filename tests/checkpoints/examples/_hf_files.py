"""What examples made by Hugging Face transformers have in common: the ways in which its users write files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from . import Made, randomise

# what most of the library's vision configurations call alike
SIZES: dict[str, Any] = {
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 96,
    "image_size": 32,
    "patch_size": 8,
}
TIMM_SIZES: dict[str, Any] = {
    "img_size": 32,
    "patch_size": 8,
    "embed_dim": 48,
    "depth": 2,
    "num_heads": 3,
    "mlp_ratio": 2,
}
LABELS = {index: f"kind {index}" for index in range(9)}  # a head that no example's model keeps

Features = Callable[[Any, Tensor], Tensor]


def last_hidden(network: Any, pictures: Tensor) -> Tensor:
    found = network(pixel_values=pictures).last_hidden_state
    assert isinstance(found, Tensor)
    return found


def written(
    build: Callable[[], nn.Module],
    features: Features = last_hidden,
    *,
    inner: str = "",
    how: str = "safetensors",
    keep: tuple[str, ...] = (),
) -> Callable[[Path], Made]:
    """Return a maker of an example.

    Args:
        build: makes the peer's model.
        features: computes them with the network.
        inner: attribute of the network in the peer's model.
        how: ``safetensors`` and ``folder`` as ``save_pretrained`` writes, the one without and the other with its
            ``config.json``; ``shards``; ``memory``: ``torch.save`` of the state dict.
        keep: tensors that keep the values that they were built with.
    """

    def make(folder: Path) -> Made:
        torch.manual_seed(0)
        peer: Any = build()
        kept = {name: peer.state_dict()[name].clone() for name in keep}
        randomise(peer)
        peer.load_state_dict(kept, strict=False)
        network = getattr(peer, inner) if inner else peer
        if how == "memory":
            path = folder / "pytorch_model.bin"
            torch.save(peer.state_dict(), path)
        else:
            peer.save_pretrained(folder, **({"max_shard_size": "40KB"} if how == "shards" else {}))
            if how == "safetensors":
                (folder / "config.json").unlink()
            path = folder / "model.safetensors" if how == "safetensors" else folder
        return Made(path, lambda pictures: features(network, pictures))

    return make
