"""Background that was kept: pixels with alpha that look like the background."""

from __future__ import annotations

import numpy as np

from toprung.cutting.judge.evidence import Map
from toprung.cutting.judge.registry import measure
from toprung.cutting.judge.view import View


@measure("kept_background")
def kept_background(view: View) -> Map:
    """Alpha of the pixels that fit the background, near the outline: a rim of paper, a halo."""
    return view.alpha * view.evidence.is_background * view.band


@measure("kept_inside")
def kept_inside(view: View) -> Map:
    """The same away from the outline, where patches wider than a hundredth of the side fit it: closed holes."""
    import cv2

    size = 2 * max(1, round(0.4 * view.evidence.unit)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    patches = cv2.morphologyEx(view.evidence.is_background, cv2.MORPH_OPEN, kernel)
    return np.asarray(view.alpha * patches * (1 - view.band))


@measure("kept_shadow")
def kept_shadow(view: View) -> Map:
    """Alpha of the pixels that are the background but darker."""
    return view.alpha * (view.evidence.is_object - view.evidence.is_object_or_lit).clip(0)
