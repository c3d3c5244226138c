"""Weights files of every dialect, small ones, each made by the peer's own code (or, where that is not installable, by a
forward pass written down from its paper), with the features that the peer computes. One file per dialect; each defines
``EXAMPLES``."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Made:
    """A file written by the peer.

    ``features`` maps pictures ``(B, 3, H, W)`` to what the peer computes before its head; ``ours`` computes the same
    with the loaded model.
    """

    path: Path
    features: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Example:
    """``make`` writes the file into an empty folder; ``model`` builds the (small) target with 7 classes."""

    name: str
    dialect: str
    make: Callable[[Path], Made]
    model: Callable[[], nn.Module]
    ours: Callable[[nn.Module, Tensor], Tensor] = lambda model, x: model.forward_features(x)  # type: ignore[operator]
    input_size: tuple[int, int, int] = (3, 32, 32)


def randomise(module: nn.Module, seed: int = 0) -> nn.Module:
    """Give every parameter and statistic values that matter, so that a swapped or lost tensor shows."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if not tensor.is_floating_point():
                continue
            noise = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                tensor.copy_(1 + 0.3 * noise.abs())
            elif tensor.ndim <= 1:
                tensor.copy_((1.0 if name.endswith("weight") else 0.0) + 0.2 * noise)
            else:
                fan_in = max(tensor[0].numel(), 1)
                tensor.copy_(noise / fan_in**0.5)
    return module.eval()


def all_examples() -> list[Example]:
    return [
        example
        for info in pkgutil.iter_modules(__path__)
        if not info.name.startswith("_")
        for example in importlib.import_module(f"{__name__}.{info.name}").EXAMPLES
    ]
