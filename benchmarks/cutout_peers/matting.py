"""PyMatting's solvers on the part of the picture that holds the unknown band."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Solver = Callable[..., NDArray]


def solve(solver: Solver, photo: NDArray[np.uint8], bands: NDArray[np.float32]) -> NDArray[np.float32]:
    """Alpha from a trimap; outside the box of the unknown band it is the trimap.

    Args:
        solver: one of ``pymatting.estimate_alpha_*``.
        photo: ``(H, W, 3)`` RGB.
        bands: ``(H, W)`` of 0, 0.5, 1.
    """
    alpha = np.where(bands >= 0.5, 1.0, 0.0).astype(np.float32)
    rows, columns = np.nonzero(bands == 0.5)
    if not len(rows) or not (bands == 0).any() or not (bands == 1).any():
        return alpha
    pad = 8
    box = (
        slice(max(rows.min() - pad, 0), rows.max() + pad + 1),
        slice(max(columns.min() - pad, 0), columns.max() + pad + 1),
    )
    part = bands[box].astype(np.float64)
    if (part == 0).any() and (part == 1).any():
        alpha[box] = np.clip(solver(photo[box] / 255.0, part), 0, 1)
    return alpha
