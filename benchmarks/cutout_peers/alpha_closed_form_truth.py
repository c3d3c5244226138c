"""Closed-form matting on the true trimap: what no automatic method has."""

import cv2
import numpy as np
import pymatting

from benchmarks.cutout_peers.inputs import PlateCase
from benchmarks.cutout_peers.matting import solve
from benchmarks.cutout_peers.registry import peer


@peer("alpha", "closed form, TRUE trimap")
def closed_form_truth(case: PlateCase) -> np.ndarray:
    """Unknown is what is soft in the truth, and 8 pixels around."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (17, 17))
    sure = cv2.erode((case.truth > 0.99).astype(np.uint8), kernel)
    perhaps = cv2.dilate((case.truth > 0.01).astype(np.uint8), kernel)
    bands = np.where(sure > 0, 1.0, np.where(perhaps > 0, 0.5, 0.0)).astype(np.float32)
    return solve(pymatting.estimate_alpha_cf, case.photo, bands)
