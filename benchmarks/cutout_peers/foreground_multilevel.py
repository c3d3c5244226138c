"""Multi-level estimation (Germer et al. 2020, by PyMatting)."""

import numpy as np
import pymatting

from benchmarks.cutout_peers.registry import peer


@peer("foreground", "multi-level (PyMatting)")
def multilevel(photo: np.ndarray, alpha: np.ndarray, plate: np.ndarray) -> np.ndarray:
    """PyMatting's defaults."""
    return pymatting.estimate_foreground_ml(photo.astype(np.float64), alpha.astype(np.float64))
