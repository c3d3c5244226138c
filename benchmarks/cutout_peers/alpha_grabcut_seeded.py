"""GrabCut seeded with certain and probable bands of the soft difference."""

import cv2
import numpy as np

from benchmarks.cutout_peers.cutting import grab
from benchmarks.cutout_peers.difference import cleaned, soft, trimap
from benchmarks.cutout_peers.inputs import PlateCase
from benchmarks.cutout_peers.registry import peer


@peer("alpha", "GrabCut, seeded")
def grabcut_seeded(case: PlateCase) -> np.ndarray:
    """Certain 6 pixels away from the mask's edge."""
    mask = cleaned(soft(case))
    bands = trimap(mask, 6)
    seed = np.where(mask > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    seed = np.where(bands == 1, cv2.GC_FGD, np.where(bands == 0, cv2.GC_BGD, seed))
    return grab(case.photo, seed.astype(np.uint8))
