"""ORB and MAGSAC++."""

import cv2
import numpy as np

from benchmarks.cutout_peers.matching import grey, homography
from benchmarks.cutout_peers.registry import peer


@peer("align", "ORB + MAGSAC")
def orb_magsac(plate: np.ndarray, photo: np.ndarray) -> np.ndarray | None:
    """5,000 ORB points."""
    return homography(cv2.ORB_create(5000), cv2.NORM_HAMMING, grey(plate), grey(photo), cv2.USAC_MAGSAC)
