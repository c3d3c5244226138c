"""The compositing equation solved for the object with the plate."""

import numpy as np

from benchmarks.cutout_peers.registry import peer


@peer("foreground", "inversion with the plate")
def inversion(photo: np.ndarray, alpha: np.ndarray, plate: np.ndarray) -> np.ndarray:
    """(photo − (1 − alpha) · plate) / alpha, cut to [0, 1]."""
    share = np.maximum(alpha, 1e-3)[..., None]
    return np.clip((photo - (1 - alpha[..., None]) * plate) / share, 0, 1)
