"""Putting candidates together, pixel by pixel, by how far each is to be believed there."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.scene import Alpha

_REACH = 0.01  # of the longer side: over which a candidate's standing is judged


def fuse_alphas(alphas: Mapping[str, Alpha], expected: Mapping[str, float]) -> Alpha:
    """Return the candidates' fused alpha.

    A candidate's weight is its precision as the judge expects it, 1 / error², lowered where it stands alone: a weighted
    median over the neighbourhood is what the others agree on, and distance from it costs weight. With two candidates
    that differ the better judged one decides; an average would be wrong wherever either is.

    Args:
        alphas: ``(H, W)`` float32 in [0, 1] by name.
        expected: the mean absolute error that the judge expects of each.
    """
    names = list(alphas)
    if len(names) == 1:
        return alphas[names[0]]
    stack = np.stack([alphas[name] for name in names])
    precision = np.array([1 / max(expected[name], 1e-4) ** 2 for name in names])
    precision = precision / precision.sum()
    agreed = _weighted_median(stack, precision)
    spread = max(1.0, _REACH * max(agreed.shape))
    total = np.zeros_like(agreed)
    weight = np.zeros_like(agreed)
    for share, alpha in zip(precision, stack, strict=True):
        apart = cv2.GaussianBlur(np.abs(alpha - agreed), (0, 0), spread)
        trust = np.float32(share) / (0.02 + apart) ** 2
        total += trust * alpha
        weight += trust
    return np.clip(total / weight, 0, 1).astype(np.float32)


def disagreement_of(alphas: Mapping[str, Alpha]) -> NDArray[np.float32]:
    """Return ``(H, W)`` the widest difference between candidates at each pixel, in [0, 1]."""
    every = list(alphas.values())
    return np.maximum.reduce(every) - np.minimum.reduce(every) if len(every) > 1 else np.zeros_like(every[0])


def _weighted_median(stack: NDArray[np.float32], weights: NDArray[np.float64]) -> Alpha:
    order = np.argsort(stack, axis=0)
    summed = np.cumsum(weights[order], axis=0)
    at = (summed >= 0.5).argmax(0)
    return np.take_along_axis(stack, np.take_along_axis(order, at[None], 0), 0)[0]
