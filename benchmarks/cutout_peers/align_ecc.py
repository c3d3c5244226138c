"""OpenCV's ECC (Evangelidis & Psarakis 2008) with a homography, from the identity, at half size."""

import cv2
import numpy as np

from benchmarks.cutout_peers.matching import grey
from benchmarks.cutout_peers.registry import peer


@peer("align", "ECC")
def ecc(plate: np.ndarray, photo: np.ndarray) -> np.ndarray | None:
    """100 steps; None when OpenCV says that it does not converge."""
    halves = [
        cv2.resize(grey(picture), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for picture in (plate, photo)
    ]
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 100, 1e-6)
    try:
        _, found = cv2.findTransformECC(
            halves[0], halves[1], np.eye(3, dtype=np.float32), cv2.MOTION_HOMOGRAPHY, stop, None, 5
        )
    except cv2.error:
        return None
    up = np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1.0]])
    return up @ found.astype(np.float64) @ np.linalg.inv(up)
