"""The box of the object, found automatically."""

from __future__ import annotations

import cv2
import numpy as np

from toprung.cutting.saliency import known_background, soft_seed
from toprung.cutting.scene import Alpha, Scene

_LEAST_AREA = 2e-4  # of the picture, below which nothing was found
_KEPT = 0.04  # parts smaller than this share of the largest are specks
_MARGIN = 0.02  # of the longer side


def automatic_box(scene: Scene) -> tuple[int, int, int, int] | None:
    """Find the box of the object: x, y, width, height in pixels, with a margin of 2 %; None when there is none.

    Args:
        scene: the photo, with its background when one is known; else the border's is tried, else saliency.
    """
    return box_of(soft_seed(scene, known_background(scene)))


def box_of(seed: Alpha) -> tuple[int, int, int, int] | None:
    """Return the box about what is above one half in a soft mask, specks left out; None when nothing is.

    Args:
        seed: ``(H, W)`` float32 in [0, 1].
    """
    height, width = seed.shape
    # one opening by scale: dust and noise are no object, hairs hang on one
    side = 1 + 2 * round(max(height, width) / 400)
    mask = cv2.morphologyEx((seed > 0.5).astype(np.uint8), cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count < 2:
        return None
    parts = stats[1:]
    area = parts[:, cv2.CC_STAT_AREA]
    if area.max() < max(4, _LEAST_AREA * height * width):
        return None
    parts = parts[area >= _KEPT * area.max()]
    margin = round(_MARGIN * max(height, width)) + 1
    left = max(0, int(parts[:, cv2.CC_STAT_LEFT].min()) - margin)
    top = max(0, int(parts[:, cv2.CC_STAT_TOP].min()) - margin)
    right = min(width, int((parts[:, cv2.CC_STAT_LEFT] + parts[:, cv2.CC_STAT_WIDTH]).max()) + margin)
    bottom = min(height, int((parts[:, cv2.CC_STAT_TOP] + parts[:, cv2.CC_STAT_HEIGHT]).max()) + margin)
    return left, top, right - left, bottom - top
