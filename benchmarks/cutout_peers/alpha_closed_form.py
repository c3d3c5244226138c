"""Closed-form matting (Levin, Lischinski & Weiss 2008, by PyMatting) on a trimap from the difference."""

import numpy as np
import pymatting

from benchmarks.cutout_peers.difference import cleaned, soft, trimap
from benchmarks.cutout_peers.inputs import PlateCase
from benchmarks.cutout_peers.matting import solve
from benchmarks.cutout_peers.registry import peer


@peer("alpha", "closed form on the difference")
def closed_form(case: PlateCase) -> np.ndarray:
    """Unknown within 8 pixels of the mask's edge."""
    return solve(pymatting.estimate_alpha_cf, case.photo, trimap(cleaned(soft(case)), 8))
