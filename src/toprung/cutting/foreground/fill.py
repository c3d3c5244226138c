"""Fill the unknown parts of a field from its known parts, near values first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def fill(values: Floats, weight: Floats, smallest: int = 2) -> Floats:
    """Return a field that keeps values where weight is 1 and is smooth and complete elsewhere.

    Args:
        values: ``(H, W)`` or ``(H, W, C)`` float32; ignored where weight is 0.
        weight: ``(H, W)`` float32 in [0, 1], how far each value is known.
        smallest: side in pixels at which the averaging ends.

    Returns:
        Like ``values``; zeros when nothing is known.

    Source:
        The pull-push interpolation of Gortler, Grzeszczuk, Szeliski & Cohen 1996, "The lumigraph", section 3.4.2.
    """
    import cv2

    height, width = weight.shape
    spread = weight if values.ndim == 2 else weight[..., None]
    if min(height, width) <= smallest:
        total = float(weight.sum())
        mean = (values * spread).sum(axis=(0, 1)) / total if total > 0 else np.zeros(values.shape[2:])
        return (values * spread + mean * (1 - spread)).astype(np.float32)
    half = ((width + 1) // 2, (height + 1) // 2)
    share = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    sums = cv2.resize(values * spread, half, interpolation=cv2.INTER_AREA)
    means = sums / np.maximum(share if values.ndim == 2 else share[..., None], np.float32(1e-6))
    coarse = fill(np.asarray(means, np.float32), np.minimum(4 * share, 1).astype(np.float32), smallest)
    whole = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    whole += spread * (values - whole)
    return np.asarray(whole, np.float32)
