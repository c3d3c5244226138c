"""Light on the background that differs between plate and photo more finely than an exposure's quadratic holds."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.align.exposure import TOE
from toprung.cutting.evidence import Evidence
from toprung.cutting.scene import Alpha, Background

Factor = NDArray[np.float32]
_LONGEST = 160  # pixels of the longer side of a field of light
_TOE = np.float32(TOE)


def light_factor(found: Evidence, mask: Alpha, reach: float) -> Factor:
    """Return the factor on s + 0.055 that the surely empty surroundings show, as a small smooth field.

    Args:
        found: evidence at any scale.
        mask: ``(H, W)`` soft mask at that scale.
        reach: standard deviation of the smoothing, as a share of the longer side.

    Returns:
        ``(h, w, 3)``; it fades to 1 far from any empty pixel.
    """
    height, width = mask.shape
    empty = ((mask < 0.2) & (found.likelihood < 0) & found.valid).astype(np.float32)
    step = max(1, max(height, width) // _LONGEST)
    size = (max(1, width // step), max(1, height // step))
    weight = cv2.resize(empty, size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(found.ratio * empty[..., None], size, interpolation=cv2.INTER_AREA)
    spread = reach * max(size)
    near = cv2.GaussianBlur(weight, (0, 0), spread)
    return np.exp(cv2.GaussianBlur(total, (0, 0), spread) / (near + 0.02)[..., None])


def lit(background: Background, factor: Factor) -> Background:
    """Return a background under a field of light of any size."""
    height, width = background.sigma.shape
    colours = background.rgb + _TOE
    colours *= cv2.resize(factor, (width, height), interpolation=cv2.INTER_CUBIC)
    colours -= _TOE
    return replace(background, rgb=np.clip(colours, 0, 1, out=colours))
