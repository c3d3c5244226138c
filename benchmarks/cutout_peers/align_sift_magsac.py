"""SIFT and MAGSAC++."""

import cv2
import numpy as np

from benchmarks.cutout_peers.matching import grey, homography
from benchmarks.cutout_peers.registry import peer


@peer("align", "SIFT + MAGSAC")
def sift_magsac(plate: np.ndarray, photo: np.ndarray) -> np.ndarray | None:
    """SIFT with OpenCV's defaults."""
    return homography(cv2.SIFT_create(5000), cv2.NORM_L2, grey(plate), grey(photo), cv2.USAC_MAGSAC)
