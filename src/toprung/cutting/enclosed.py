"""Ground seen through the object, or object that looks like ground: what an enclosed region is.

A tape roll's hole shows the plate: its tint is the plate's, and its light is the plate's or a shadow's, about as deep
as the shadows beside the object. A patch of the object in nearly the ground's colour is a little brighter, a little
tinted, or far darker, all over; over thousands of pixels a difference that no single pixel shows is sure.
"""

from __future__ import annotations

import cv2
import numpy as np

from toprung.cutting.evidence import Evidence
from toprung.cutting.scene import Alpha

_LEAST_AREA = 12  # pixels, at the mask's scale
_BRIGHTER = 0.009  # log factor: light does not grow under an object
_DEEPER = 0.10  # log factor below the darkest shadow outside
_TINTED, _TINTED_MORE = 1.8, 0.35  # times the ground's mean tint, and standard deviations on top


def fill_object_like(mask: Alpha, found: Evidence) -> Alpha:
    """Return the mask with those enclosed gaps filled that are not the ground.

    Args:
        mask: ``(H, W)`` soft mask.
        found: evidence at the mask's scale.
    """
    empty = ((mask < 0.5) & found.valid).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(empty, connectivity=4)
    if count < 3:
        return mask
    height, width = mask.shape
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    outer = (left == 0) | (top == 0) | (right == width) | (bottom == height)
    outer[0] = False
    ground = outer[labels] & (empty > 0)
    if ground.sum() < 100:
        return mask
    plain_tint = float(found.tint[ground].mean())
    beside = ground & (cv2.dilate(1 - empty, np.ones((25, 25), np.uint8)) > 0)
    darkest = float(np.quantile(found.light[beside if beside.any() else ground], 0.03))
    # an edge's mixed pixels belong to neither side
    core = cv2.erode(empty, np.ones((3, 3), np.uint8)) > 0
    filled = mask.copy()
    for index in np.flatnonzero(~outer)[1:]:
        if stats[index, cv2.CC_STAT_AREA] < _LEAST_AREA:
            continue
        region = labels == index
        inner = region & core
        if inner.sum() < 4:
            continue
        light, tint = float(np.median(found.light[inner])), float(found.tint[inner].mean())
        unlike = (
            light > _BRIGHTER + 2 * float(np.median(found.light_sigma[inner])) / np.sqrt(inner.sum())
            or light < darkest - _DEEPER
            or tint > _TINTED * plain_tint + _TINTED_MORE
        )
        if unlike:
            filled[region] = np.maximum(filled[region], 0.95)
    return filled
