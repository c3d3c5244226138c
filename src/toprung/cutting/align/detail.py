"""What alignment looks at: a picture's local detail, free of exposure and slow light."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.scene import RGB

Plane = NDArray[np.float32]


def grey(rgb: RGB) -> Plane:
    """Return the ``(H, W)`` luma of an sRGB picture."""
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)


def reduce(plane: Plane, scale: float) -> Plane:
    """Return a plane at a smaller scale; pixel centres keep to x' = (x + ½)·scale − ½."""
    if scale >= 1:
        return plane
    height, width = plane.shape[:2]
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA)


def scaling(full: tuple[int, int], small: tuple[int, int]) -> NDArray[np.float64]:
    """Return the matrix from full-size pixels to those of :func:`reduce`; sizes are (height, width)."""
    sy, sx = small[0] / full[0], small[1] / full[1]
    return np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1.0]])


def detail(plane: Plane, radius: float) -> Plane:
    """Return the band of structure between a pixel and ``radius``, compressed where it is strong.

    The slow part is divided out (light and exposure act as factors), and strong edges are bent down so that a few of
    them do not outweigh the paper's whole grain.
    """
    fine = cv2.GaussianBlur(plane, (0, 0), 0.8)
    slow = cv2.GaussianBlur(plane, (0, 0), radius)
    band = (fine - slow) / (slow + 0.05)
    spread = float(np.median(np.abs(band))) * 1.4826 + 1e-4
    return (np.arcsinh(band / (4 * spread)) * 4).astype(np.float32)


def equalised(plane: Plane) -> NDArray[np.uint8]:
    """Return a plane as 8 bits after contrast-limited adaptive equalisation (Zuiderveld 1994)."""
    low, high = np.percentile(plane[::4, ::4], (0.2, 99.8))
    stretched = np.clip((plane - low) / max(float(high - low), 1e-3) * 255, 0, 255).astype(np.uint8)
    return cv2.createCLAHE(clipLimit=4.0, tileGridSize=(8, 8)).apply(stretched)
