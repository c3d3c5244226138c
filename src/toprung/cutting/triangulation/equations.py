"""The equations of one pixel seen over two grounds.

Legend: H × W pixels, 3 channels; I1, I2 the photos, B1, B2 their grounds, F the object's colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Evidence:
    """One measurement of 1 − alpha per pixel, ``(H, W)`` float32, and its information, one over its variance."""

    through: Floats
    information: Floats


@dataclass(frozen=True)
class Solved:
    """What the equations say of each pixel.

    Attributes:
        alpha: ``(H, W)`` float32, not clipped.
        luma, colour: what brightness and what the two colour differences say, each on its own.
        variance: ``(H, W)`` float32, of alpha; large where the grounds look alike.
        misfit: ``(H, W)`` float32, what no alpha explains: squared, over its variance, per degree of freedom (2).
    """

    alpha: Floats
    luma: Evidence
    colour: Evidence
    variance: Floats
    misfit: Floats


def solve(first: Floats, ground1: Floats, second: Floats, ground2: Floats, variance: Floats) -> Solved:
    """Solve I1 − I2 = (1 − alpha) (B1 − B2), which holds whatever F is, by weighted least squares.

    Args:
        first, ground1, second, ground2: ``(H, W, 3)`` float32 in values that mix linearly, as luma
            and two colour differences.
        variance: ``(H, W, 3)`` float32, of I1 − I2 per channel.

    Source:
        Smith & Blinn 1996, "Blue screen matting", theorem 4; all channels, weighted.
    """
    seen, bare = first - second, ground1 - ground2
    weight = (1 / variance).astype(np.float32)
    luma = _evidence(seen[..., :1], bare[..., :1], weight[..., :1])
    colour = _evidence(seen[..., 1:], bare[..., 1:], weight[..., 1:])
    information = luma.information + colour.information
    through = luma.through * luma.information + colour.through * colour.information
    through /= np.maximum(information, np.float32(1e-9))
    rest = seen - through[..., None] * bare
    misfit = np.einsum("hwc,hwc,hwc->hw", rest, rest, weight) / 2
    return Solved(1 - through, luma, colour, 1 / np.maximum(information, np.float32(1e-4)), misfit)


def _evidence(seen: Floats, bare: Floats, weight: Floats) -> Evidence:
    information = np.einsum("hwc,hwc,hwc->hw", bare, bare, weight)
    product = np.einsum("hwc,hwc,hwc->hw", seen, bare, weight)
    return Evidence(product / np.maximum(information, np.float32(1e-9)), information)


def outside(solved: Solved) -> Floats:
    """Return how far alpha leaves [0, 1], in standard deviations."""
    over = np.maximum(solved.alpha - 1, 0) + np.maximum(-solved.alpha, 0)
    return np.asarray(over / np.sqrt(solved.variance), np.float32)
