"""The small networks behind a backbone that self-supervised training needs, and nobody else."""

from itertools import pairwise

import torch
from torch import Tensor, nn


def of_dino(prefix: str, width: int, *, hidden: int = 24, outputs: int = 40, second: bool = False) -> dict[str, Tensor]:
    """Return DINO's projector: three layers, then a weight-normalised one (iBOT: a second one for patches)."""
    head = nn.Module()
    head.mlp = nn.Sequential(
        nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, 16)
    )
    state = head.state_dict()
    for last in ("last_layer", "last_layer2") if second else ("last_layer",):
        state |= {f"{last}.weight_g": torch.ones(outputs, 1), f"{last}.weight_v": torch.randn(outputs, 16)}
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def of_moco(prefix: str, sizes: tuple[int, ...], *, affine_last: bool = False) -> dict[str, Tensor]:
    """Return MoCo's MLP: linear layers without biases, BatchNorm behind each."""
    layers: list[nn.Module] = []
    for index, (before, after) in enumerate(pairwise(sizes)):
        last = index == len(sizes) - 2
        layers += [nn.Linear(before, after, bias=False), nn.BatchNorm1d(after, affine=not last or affine_last)]
        layers += [] if last else [nn.ReLU()]
    return {f"{prefix}{name}": tensor for name, tensor in nn.Sequential(*layers).state_dict().items()}
