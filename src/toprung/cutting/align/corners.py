"""The baseline of the first notes: shift the plate by the difference of the mean corner."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.align.detail import Plane


def mean_corner_shift(plate: Plane, photo: Plane, count: int = 1000) -> NDArray[np.float64]:
    """Return the translation between the mean positions of both pictures' corners (Shi & Tomasi 1994).

    It is kept as a baseline: the object's own corners pull the mean, so it is usually worse than no alignment.
    """
    means = []
    for plane in (plate, photo):
        grey = np.clip(plane * 255, 0, 255).astype(np.uint8)
        corners = cv2.goodFeaturesToTrack(grey, maxCorners=count, qualityLevel=0.01, minDistance=5)
        height, width = plane.shape
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        means.append(centre if corners is None else corners.reshape(-1, 2).mean(0))
    matrix = np.eye(3)
    matrix[:2, 2] = means[1] - means[0]
    return matrix
