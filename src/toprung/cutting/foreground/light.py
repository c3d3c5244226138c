"""The light that falls on the ground in the photo, as a share of the light in the plate: shadows of the object."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.foreground.fill import fill
from toprung.cutting.scene import RGB

Floats = NDArray[np.float32]


def ground_light(rgb: RGB, plate: RGB, ground: NDArray[np.bool_], step: int = 4) -> Floats:
    """Return the smooth factor, photo over plate on the sRGB values, that the surroundings show and the rest continues.

    Args:
        rgb, plate: ``(H, W, 3)`` float32 sRGB.
        ground: ``(H, W)`` bool, where the photo shows nothing but ground.
        step: pixels that are averaged to one value.

    Returns:
        ``(H, W)`` float32, 1 where nothing is known.
    """
    import cv2

    height, width = ground.shape
    small = (max(1, width // step), max(1, height // step))
    weight = ground.astype(np.float32)
    seen = cv2.resize(np.einsum("hwc,hwc->hw", rgb, plate) * weight, small, interpolation=cv2.INTER_AREA)
    bare = cv2.resize(np.einsum("hwc,hwc->hw", plate, plate) * weight, small, interpolation=cv2.INTER_AREA)
    known = cv2.resize(weight, small, interpolation=cv2.INTER_AREA)
    known = np.where(bare > 1e-5, np.minimum(known * 2, 1), 0).astype(np.float32)
    if not known.any():
        return np.ones((height, width), np.float32)
    factor = np.clip(seen / np.maximum(bare, 1e-5), 0.2, 2.0).astype(np.float32)
    whole = cv2.resize(fill(factor, np.asarray(known, np.float32)), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(whole, np.float32)
