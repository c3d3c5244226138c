"""The notes' own method: corners in both pictures, the mean of each, and the shift between the means."""

import cv2
import numpy as np

from benchmarks.cutout_peers.matching import grey
from benchmarks.cutout_peers.registry import peer


@peer("align", "mean of corners")
def mean_of_corners(plate: np.ndarray, photo: np.ndarray) -> np.ndarray | None:
    """Shi–Tomasi corners, as OpenCV's tutorials find them."""
    means = []
    for picture in (plate, photo):
        corners = cv2.goodFeaturesToTrack(grey(picture), 500, 0.01, 10)
        if corners is None:
            return None
        means.append(corners.reshape(-1, 2).mean(0))
    matrix = np.eye(3)
    matrix[:2, 2] = means[1] - means[0]
    return matrix
