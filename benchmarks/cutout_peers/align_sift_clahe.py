"""SIFT on locally contrasted grey at half size, and MAGSAC++: the best peer the issue measured."""

import cv2
import numpy as np

from benchmarks.cutout_peers.matching import grey, homography
from benchmarks.cutout_peers.registry import peer


@peer("align", "SIFT on CLAHE + MAGSAC")
def sift_clahe(plate: np.ndarray, photo: np.ndarray) -> np.ndarray | None:
    """CLAHE with a clip limit of 8 on 8 × 8 tiles, SIFT with its contrast threshold lowered."""
    halves = [
        cv2.createCLAHE(8.0, (8, 8)).apply(
            cv2.resize(grey(picture), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        )
        for picture in (plate, photo)
    ]
    found = homography(cv2.SIFT_create(8000, contrastThreshold=0.01), cv2.NORM_L2, *halves, cv2.USAC_MAGSAC, 1.5)
    if found is None:
        return None
    # pixel centres: x of the full picture is 2x + 0.5 of the half one
    up = np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1.0]])
    return up @ found @ np.linalg.inv(up)
