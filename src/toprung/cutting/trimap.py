"""The trimap: what is surely object, surely background, and the band between, as wide as each place asks for."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.evidence import Evidence
from toprung.cutting.scene import Alpha

BACKGROUND, UNKNOWN, OBJECT = 0, 1, 2
Trimap = NDArray[np.uint8]


def trimap_from_mask(mask: Alpha, found: Evidence | None, spread: float) -> Trimap:
    """Return a trimap around a soft mask.

    The band covers the mask's own doubt, ``spread`` pixels either side of its edge, and what the full-size evidence
    calls into question: pixels outside that differ sharply from the background, as hairs do.

    Args:
        mask: ``(H, W)`` soft mask.
        found: evidence at full size, None without a background.
        spread: pixels either side of the edge, at least; about the mask's own resolution and the edge's blur.

    Returns:
        ``(H, W)`` uint8 of BACKGROUND, UNKNOWN, OBJECT.
    """
    certain = mask > 0.93
    empty = mask < 0.07
    if found is not None:
        differs = (found.likelihood > 3).astype(np.uint8)
        near = cv2.dilate((mask > 0.3).astype(np.uint8), _disc(6 * spread + 12))
        hairs = cv2.dilate((differs & near & (mask < 0.5)).astype(np.uint8), _disc(1.5))
        empty &= hairs == 0
    side = _disc(spread)
    certain_eroded = cv2.erode(certain.astype(np.uint8), side)
    empty_eroded = cv2.erode(empty.astype(np.uint8), side)
    result = np.full(mask.shape, UNKNOWN, np.uint8)
    result[certain_eroded > 0] = OBJECT
    result[empty_eroded > 0] = BACKGROUND
    return result


def _disc(radius: float) -> NDArray[np.uint8]:
    side = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
