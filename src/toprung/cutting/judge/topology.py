"""Holes and islands."""

from __future__ import annotations

import numpy as np

from toprung.cutting.judge.evidence import Map
from toprung.cutting.judge.registry import measure
from toprung.cutting.judge.view import View

_SPECK = 0.002  # share of the picture


@measure("specks")
def specks(view: View) -> Map:
    """Small islands and small holes: pieces under a five-hundredth of the picture that hang on nothing."""
    return _small(view.alpha > 0.5) + _small(view.alpha <= 0.5)


def _small(mask: np.ndarray) -> Map:
    import cv2

    _, labels, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    small = statistics[:, cv2.CC_STAT_AREA] < _SPECK * mask.size
    small[0] = False
    return small[labels].astype(np.float32)
