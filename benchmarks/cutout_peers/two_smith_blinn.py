"""Triangulation matting (Smith & Blinn 1996) as published: least squares over the channels, pixel by pixel."""

import numpy as np

from benchmarks.cutout_peers.inputs import TwoCase
from benchmarks.cutout_peers.registry import peer


@peer("two", "Smith & Blinn, plates")
def triangulation(case: TwoCase) -> np.ndarray | None:
    """1 − (difference of the photos · difference of the plates) / |difference of the plates|²; None without plates."""
    if case.first_plate is None or case.second_plate is None:
        return None
    return smith_blinn(case.first, case.second, case.first_plate, case.second_plate)


def smith_blinn(first: np.ndarray, second: np.ndarray, under: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The closed form, cut to [0, 1]."""
    between = under - other
    share = ((first - second) * between).sum(2) / np.maximum((between**2).sum(2), 1e-4)
    return np.clip(1 - share, 0, 1).astype(np.float32)
