"""A soft ramp on the perceptual difference to the plate."""

import numpy as np

from benchmarks.cutout_peers.difference import soft
from benchmarks.cutout_peers.inputs import PlateCase
from benchmarks.cutout_peers.registry import peer


@peer("alpha", "soft difference")
def soft_difference(case: PlateCase) -> np.ndarray:
    """The ramp itself."""
    return soft(case)
