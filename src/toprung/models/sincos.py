"""Fixed positions of patches: sines and cosines of their column and row.

Legend: L patches of a grid, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from toprung.errors import ModelError

_SLOWEST = 10_000.0


def sincos_positions(width: int, grid: tuple[int, int], *, slots: int = 0) -> Tensor:
    """Return ``(1, slots + L, D)`` float32 position embeddings that never learn.

    Half of the width tells the column and half the row, each as ``D / 4`` sines and then as many cosines.

    Args:
        width: D, a multiple of 4.
        grid: rows and columns of patches.
        slots: leading rows of zeros, for tokens that have no place (the class token).

    Raises:
        ModelError: a width that 4 does not divide.

    Source:
        Vaswani et al. 2017, section 3.5, along two axes, as in MAE's own code (arXiv 2111.06377, section A.1).
    """
    if width % 4:
        raise ModelError(f"a width of {width} has no sin-cos positions in two dimensions: it must be a multiple of 4.")
    rows, columns = grid
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    places = torch.cat([_waves(width // 2, column.flatten()), _waves(width // 2, row.flatten())], dim=1)
    return torch.cat([torch.zeros(slots, width), places.float()])[None]


def _waves(width: int, place: Tensor) -> Tensor:
    """Return ``(L, width)`` float64: sines and cosines of places along one axis."""
    half = width // 2
    rates = _SLOWEST ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = place.double()[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)
