"""Errors of an alpha matte as alphamatting.com defines them (Rhemann et al. 2009), over the whole picture, and IoU.

SAD and Conn are in thousands of pixels, Grad in thousands; MAE and MSE are means over the pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_SIGMA = 1.4
_STEP, _THETA = 0.1, 0.15


def mae(alpha: Floats, truth: Floats) -> float:
    """Mean absolute error."""
    return float(np.abs(alpha.astype(np.float64) - truth).mean())


def sad(alpha: Floats, truth: Floats) -> float:
    """Sum of absolute differences / 1000."""
    return float(np.abs(alpha.astype(np.float64) - truth).sum()) / 1000


def mse(alpha: Floats, truth: Floats) -> float:
    """Mean squared error."""
    return float(((alpha.astype(np.float64) - truth) ** 2).mean())


def grad(alpha: Floats, truth: Floats) -> float:
    """Sum of squared differences of the gradients' lengths (Gaussian derivative, σ 1.4) / 1000."""
    return float(((_gradient(alpha) - _gradient(truth)) ** 2).sum()) / 1000


def conn(alpha: Floats, truth: Floats) -> float:
    """How much of the two hangs on the largest part that both share, threshold by threshold, as a difference / 1000.

    Source: Rhemann et al., "A perceptually motivated online benchmark for image matting", 2009, section 4.2, with the
    published steps of 0.1 and θ 0.15, 4-connected.
    """
    alpha, truth = np.asarray(alpha, np.float32), np.asarray(truth, np.float32)
    level = np.full(truth.shape, -1.0, np.float32)
    for number in range(1, 11):
        threshold = np.float32(number * _STEP) - np.float32(1e-6)
        count, labels, sizes, _ = cv2.connectedComponentsWithStats(
            ((alpha >= threshold) & (truth >= threshold)).astype(np.uint8), connectivity=4
        )
        largest = np.zeros(truth.shape, bool)
        if count > 1:
            largest = labels == 1 + int(np.argmax(sizes[1:, cv2.CC_STAT_AREA]))
        level[(level < 0) & ~largest] = (number - 1) * _STEP
    level[level < 0] = 1.0
    return float(np.abs(_hanging(alpha, level) - _hanging(truth, level)).sum()) / 1000


def iou(alpha: Floats, truth: Floats) -> float:
    """Intersection over union of both at 0.5; 1 when both are empty."""
    one, other = alpha >= 0.5, truth >= 0.5
    union = int((one | other).sum())
    return float((one & other).sum()) / union if union else 1.0


METRICS: dict[str, Callable[[Floats, Floats], float]] = {
    "MAE": mae,
    "SAD": sad,
    "MSE": mse,
    "Grad": grad,
    "Conn": conn,
    "IoU": iou,
}


def _hanging(values: Floats, level: Floats) -> NDArray[np.float64]:
    beyond = values.astype(np.float64) - level
    return 1 - beyond * (beyond >= _THETA)


def _gradient(values: Floats) -> NDArray[np.float64]:
    half = math.ceil(_SIGMA * math.sqrt(-2 * math.log(math.sqrt(2 * math.pi) * _SIGMA * 1e-2)))
    place = np.arange(-half, half + 1, dtype=np.float64)
    smooth = np.exp(-(place**2) / (2 * _SIGMA**2)) / (_SIGMA * math.sqrt(2 * math.pi))
    slope = -place * smooth / _SIGMA**2
    kernel = np.outer(smooth, slope)
    kernel /= math.sqrt(float((kernel**2).sum()))
    picture = np.asarray(values, np.float64)
    across = cv2.filter2D(picture, -1, kernel[:, ::-1], borderType=cv2.BORDER_REPLICATE)
    down = cv2.filter2D(picture, -1, kernel.T[::-1], borderType=cv2.BORDER_REPLICATE)
    return np.hypot(across, down)
