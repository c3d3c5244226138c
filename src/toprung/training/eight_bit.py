"""Optimisers of bitsandbytes that keep their state in 8 bits, and what that state takes."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from toprung.errors import RecipeError

ADAMW = "bnbadamw8bit"  # timm's name
_LEAST = 4096  # smaller tensors keep 32 bits
_BLOCK = 256  # numbers that share a scale


def is_eight_bit(name: str) -> bool:
    """Say whether an optimiser of timm is one of bitsandbytes with 8-bit state."""
    return name.startswith("bnb") and name.endswith("8bit")


def is_installed() -> bool:
    """Say whether bitsandbytes is there."""
    return importlib.util.find_spec("bitsandbytes") is not None


def check_eight_bit(name: str, device: str) -> None:
    """Refuse an optimiser of bitsandbytes where there is none, or no CUDA.

    Raises:
        RecipeError: with what to do.
    """
    if not name.startswith("bnb"):
        return
    if not is_installed():
        raise RecipeError(
            f"optimisation.optimizer = {name!r} needs the package bitsandbytes; install it with: "
            "pip install bitsandbytes"
        )
    if device != "cuda":
        raise RecipeError(f"optimisation.optimizer = {name!r} runs on CUDA only, and not on {device}; use adamw.")


class EightBitStandIn(torch.optim.Optimizer):
    """Takes the memory of bitsandbytes' 8-bit optimisers and changes nothing; needs neither the package nor CUDA.

    Two states per number (one for lion and sgd): a byte each, and a float32 scale per block of 256; 32 bits each in
    tensors of fewer than 4,096 numbers.

    Source: Dettmers et al. 2021, "8-bit optimizers via block-wise quantization" (arXiv 2110.02861).
    """

    def __init__(self, groups: list[dict[str, Any]], *, name: str) -> None:
        super().__init__(groups, {})
        self._states = 1 if any(word in name for word in ("lion", "sgd")) else 2

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Make the state where there is none."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and not self.state[parameter]:
                    for number in range(self._states):
                        self.state[parameter] |= {f"{number}{key}": t for key, t in _state(parameter).items()}


def _state(parameter: Tensor) -> dict[str, Tensor]:
    if parameter.numel() < _LEAST:
        return {"": torch.empty_like(parameter, dtype=torch.float32)}
    scales = -(-parameter.numel() // _BLOCK)
    return {"": torch.empty_like(parameter, dtype=torch.uint8), " scale": torch.empty(scales)}
