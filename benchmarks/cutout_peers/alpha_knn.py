"""KNN matting (Chen, Li & Tang 2013, by PyMatting) on a trimap from the difference."""

import numpy as np
import pymatting

from benchmarks.cutout_peers.difference import cleaned, soft, trimap
from benchmarks.cutout_peers.inputs import PlateCase
from benchmarks.cutout_peers.matting import solve
from benchmarks.cutout_peers.registry import peer


@peer("alpha", "KNN on the difference")
def knn(case: PlateCase) -> np.ndarray:
    """Unknown within 8 pixels of the mask's edge."""
    return solve(pymatting.estimate_alpha_knn, case.photo, trimap(cleaned(soft(case)), 8))
