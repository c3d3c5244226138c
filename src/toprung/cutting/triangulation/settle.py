"""Take the noise out of alpha where many pixels say the same, and leave each pixel of the band to itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_SIDES = (3, 5, 9, 17)
_WIDE = 2.2  # standard deviations within which two windows say the same


def settle(alpha: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Average each pixel over the largest window in which alpha is constant as far as noise lets one see.

    The windows grow while their confidence intervals have a common point. Then values that cannot be told from
    0 or 1 become exactly that.

    Args:
        alpha: ``(H, W)`` float32, as measured; may leave [0, 1].
        variance: ``(H, W)`` float32, of its error.

    Returns:
        ``(H, W)`` float32 in [0, 1], and ``(H, W)`` float32 variance of the averages.

    Source:
        Intersection of confidence intervals: Goldenshluger & Nemirovski 1997, "On spatially adaptive estimation of
        nonparametric regression".
    """
    import cv2

    weight = 1 / variance
    weighted = alpha * weight
    deviation = np.sqrt(variance)
    low, high = alpha - _WIDE * deviation, alpha + _WIDE * deviation
    best, best_variance = alpha.copy(), variance.copy()
    growing = np.ones(alpha.shape, bool)
    for side in _SIDES:
        window = (side, side)
        total = cv2.boxFilter(weight, -1, window, normalize=False)
        mean = cv2.boxFilter(weighted, -1, window, normalize=False) / total
        # noise of neighbours is not independent (JPEG, interpolation): four count as one
        deviation = np.sqrt(np.minimum(4 / total, variance))
        low = np.maximum(low, mean - _WIDE * deviation)
        high = np.minimum(high, mean + _WIDE * deviation)
        growing &= low <= high
        best = np.where(growing, mean, best)
        best_variance = np.where(growing, deviation**2, best_variance)
    return snapped(best, np.sqrt(best_variance)), best_variance


def snapped(alpha: Floats, deviation: Floats) -> Floats:
    """Return alpha in [0, 1], with 0 and 1 wherever noise explains the difference."""
    near = np.minimum(2.0 * deviation + np.float32(1e-5), np.float32(0.12))
    settled = np.where(alpha < near, 0, np.where(alpha > 1 - near, 1, alpha))
    return settled.astype(np.float32)


def surely_opaque(measured: Floats, variance: Floats, alpha: Floats) -> NDArray[np.bool_]:
    """Return where the measurements around a pixel have the mean 1, and its own does not deny it.

    Args:
        measured: ``(H, W)`` float32 alpha before any smoothing or clipping.
        variance: ``(H, W)`` float32, of ``measured``.
        alpha: ``(H, W)`` float32, smoothed.
    """
    import cv2

    window = (5, 5)
    total = cv2.boxFilter(1 / variance, -1, window, normalize=False)
    mean = cv2.boxFilter(measured / variance, -1, window, normalize=False) / total
    own, around = np.sqrt(variance), np.sqrt(4 / total)
    agrees = (mean > 1 - 1.5 * around - 0.005) & (measured > 1 - 3 * own)
    return agrees & (alpha > 1 - np.clip(2 * own, 0.03, 0.2))
