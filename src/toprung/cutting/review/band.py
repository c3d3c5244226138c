"""Solve alpha in a narrow band with all around it known: closed-form matting, any alpha at the band's sides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.scene import RGB, Alpha

_EPSILON = 1e-5
_PRIOR = 1e-6  # holds pixels that no window ties to a known one


def solve_band(rgb: RGB, alpha: Alpha, unknown: NDArray[np.bool_], *, epsilon: float = _EPSILON) -> Alpha:
    """Return alpha with the unknown pixels solved: in each 3 x 3 window it is an affine function of colour.

    Args:
        rgb: ``(H, W, 3)`` float32 sRGB in [0, 1].
        alpha: ``(H, W)`` float32 in [0, 1]: the known values, any in [0, 1], and a guess of the unknown ones.
        unknown: ``(H, W)`` bool.
        epsilon: how far the affine function is held to be flat.

    Returns:
        ``(H, W)`` float32 in [0, 1]; a new array, the known pixels as they were.

    Source:
        A. Levin, D. Lischinski, Y. Weiss, "A closed-form solution to natural image matting", CVPR 2006, equation 12.
    """
    solved = alpha.copy()
    if not unknown.any() or min(alpha.shape) < 3:
        return solved
    from scipy.sparse import identity
    from scipy.sparse.linalg import spsolve

    from toprung.cutting.matte.laplacian import matting_laplacian

    laplacian, pixels = matting_laplacian(rgb, unknown, epsilon)
    free = unknown.ravel()[pixels]
    values = alpha.ravel()[pixels].astype(np.float64)
    system = laplacian[free][:, free] + _PRIOR * identity(int(free.sum()))
    right = -laplacian[free][:, ~free] @ values[~free] + _PRIOR * values[free]
    solved.ravel()[pixels[free]] = np.clip(spsolve(system.tocsc(), right), 0, 1)
    return solved
