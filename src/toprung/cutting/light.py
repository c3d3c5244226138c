"""Light on the background that differs between plate and photo more finely than an exposure's quadratic holds."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from toprung.cutting.align.exposure import TOE
from toprung.cutting.evidence import Evidence
from toprung.cutting.scene import Alpha, Background

_TOE = np.float32(TOE)


def correct_light(background: Background, found: Evidence, mask: Alpha, reach: float = 0.06) -> Background:
    """Return the background in the photo's light, as its surely empty surroundings show it.

    Args:
        background: to be corrected.
        found: evidence at the background's scale.
        mask: ``(H, W)`` first soft mask.
        reach: standard deviation of the smoothing, as a share of the longer side.
    """
    height, width = mask.shape
    empty = ((mask < 0.2) & (found.likelihood < 0) & background.valid).astype(np.float32)
    step = max(1, max(height, width) // 160)
    size = (max(1, width // step), max(1, height // step))
    weight = cv2.resize(empty, size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(found.ratio * empty[..., None], size, interpolation=cv2.INTER_AREA)
    spread = reach * max(size)
    near = cv2.GaussianBlur(weight, (0, 0), spread)
    # far from any empty pixel the correction fades to none
    field = cv2.GaussianBlur(total, (0, 0), spread) / (near + 0.02)[..., None]
    factor = np.exp(cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC))
    return replace(background, rgb=np.clip((background.rgb + _TOE) * factor - _TOE, 0, 1).astype(np.float32))
