"""A step of masked autoencoding whose encoder sees a quarter of the patches, against one whose encoder sees all."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import timm
import torch
from torch import Tensor

from benchmarks.measuring import compare, print_machine
from toprung.data.malloc import raise_malloc_thresholds
from toprung.models.mae import DecoderShape, MaskedAutoencoder
from toprung.models.masking import Masking

DECODERS = {"the paper's decoder": DecoderShape(), "a small decoder": DecoderShape(256, 4, 8)}


class SeesAll(MaskedAutoencoder):
    """The same network and loss, but the encoder gets every patch: what masking in the encoder saves is the ratio."""

    def _encode(self, images: Tensor, masking: Masking) -> Tensor:
        return super()._encode(images, _everything(masking))

    def _decode(self, features: Tensor, masking: Masking) -> Tensor:
        return super()._decode(features, _everything(masking))


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--models", nargs="+", default=["vit_small_patch16_224", "vit_base_patch16_224"])
    arguments = parser.parse_args()
    print_machine()
    raise_malloc_thresholds()
    for name in arguments.models:
        for title, shape in DECODERS.items():
            ours, peer = (_step(kind, name, shape, arguments.batch) for kind in (MaskedAutoencoder, SeesAll))
            compare(f"{name}, {title}", ours, peer, pairs=arguments.pairs, pictures=arguments.batch)


def _step(kind: type[MaskedAutoencoder], name: str, shape: DecoderShape, batch: int) -> Callable[[], None]:
    torch.manual_seed(0)
    module = kind(timm.create_model(name, num_classes=0, global_pool="token"), shape)
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, betas=(0.9, 0.95))
    images, noise = torch.randn(batch, 3, 224, 224), torch.rand(batch, module.patches)

    def work() -> None:
        optimizer.zero_grad(set_to_none=True)
        module(images, noise).mean().backward()
        optimizer.step()

    return work


def _everything(masking: Masking) -> Masking:
    places = torch.arange(masking.restore.shape[1]).expand_as(masking.restore)
    return Masking(places, places, masking.hidden)


if __name__ == "__main__":
    main()
