"""GrabCut on Otsu's threshold of the difference."""

import cv2
import numpy as np

from benchmarks.cutout_peers.cutting import grab
from benchmarks.cutout_peers.difference import distance
from benchmarks.cutout_peers.inputs import PlateCase
from benchmarks.cutout_peers.registry import peer


@peer("alpha", "GrabCut on Otsu")
def grabcut_otsu(case: PlateCase) -> np.ndarray:
    """Probable object above the threshold, probable ground below."""
    found = distance(case)
    levels = np.clip(found * 255 / max(float(found.max()), 1e-6), 0, 255).astype(np.uint8)
    _, mask = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return grab(case.photo, np.where(mask > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8))
