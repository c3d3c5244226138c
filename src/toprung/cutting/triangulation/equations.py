"""The equations of one pixel seen over two grounds.

Legend: H × W pixels, 3 channels; I1, I2 the photos, B1, B2 their grounds, F the object's colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

OPPONENT = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
"""R, G, B → luma and two colour differences (ITU-T T.871, the JPEG's own)."""


def opponent(rgb: Floats) -> Floats:
    """Return ``(H, W, 3)`` luma and colour differences of ``(H, W, 3)`` values, each scaled to pass on white noise."""
    return rgb @ (OPPONENT / np.linalg.norm(OPPONENT, axis=1, keepdims=True)).T


@dataclass(frozen=True)
class Solved:
    """What the equations say of each pixel.

    Attributes:
        alpha: ``(H, W)`` float32, not clipped.
        variance: ``(H, W)`` float32, of alpha; large where the grounds look alike.
        misfit: ``(H, W)`` float32, what no alpha explains: squared, over its variance, per degree of freedom (2).
    """

    alpha: Floats
    variance: Floats
    misfit: Floats


def solve(first: Floats, ground1: Floats, second: Floats, ground2: Floats, variance: Floats) -> Solved:
    """Solve I1 − I2 = (1 − alpha) (B1 − B2), which holds whatever F is, by weighted least squares.

    Args:
        first, ground1, second, ground2: ``(H, W, 3)`` float32 in values that mix linearly; any orthogonal basis.
        variance: ``(H, W, 3)`` float32, of I1 − I2 per channel of that basis.

    Source:
        Smith & Blinn 1996, "Blue screen matting", theorem 4; all channels, weighted.
    """
    seen, bare = first - second, ground1 - ground2
    weight = 1 / variance
    information = np.einsum("hwc,hwc,hwc->hw", bare, bare, weight)
    through = np.einsum("hwc,hwc,hwc->hw", seen, bare, weight) / np.maximum(information, 1e-9)
    rest = seen - through[..., None] * bare
    misfit = np.einsum("hwc,hwc,hwc->hw", rest, rest, weight) / 2
    return Solved(1 - through, 1 / np.maximum(information, np.float32(1e-4)), misfit)


def outside(solved: Solved) -> Floats:
    """Return how far alpha leaves [0, 1], in standard deviations."""
    over = np.maximum(solved.alpha - 1, 0) + np.maximum(-solved.alpha, 0)
    return over / np.sqrt(solved.variance)
