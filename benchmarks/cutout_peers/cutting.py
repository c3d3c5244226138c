"""GrabCut from a seed, as the two GrabCut peers use it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def grab(photo: NDArray[np.uint8], seed: NDArray[np.uint8], steps: int = 5) -> NDArray[np.float32]:
    """Run GrabCut; a seed that lacks one of the sides comes back as it is.

    Args:
        photo: ``(H, W, 3)`` RGB.
        seed: ``(H, W)`` of ``cv2.GC_*``.
        steps: iterations.
    """
    mask = seed.copy()
    ahead = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if ahead.sum() >= 10 and (~ahead).sum() >= 10:
        cv2.setRNGSeed(0)
        cv2.grabCut(
            np.ascontiguousarray(photo[..., ::-1]),
            mask,
            None,
            np.zeros((1, 65)),
            np.zeros((1, 65)),
            steps,
            cv2.GC_INIT_WITH_MASK,
        )
    return np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
