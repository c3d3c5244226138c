"""Solve alpha in a narrow band, when all around it is known: closed-form matting on the band's windows alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.scene import RGB, Alpha

_EPSILON = 1e-5
_PRIOR = 1e-6  # holds pixels that no window ties to a known one


def solve_band(rgb: RGB, alpha: Alpha, unknown: NDArray[np.bool_], *, epsilon: float = _EPSILON) -> Alpha:
    """Return alpha with the unknown pixels solved: in each 3 x 3 window it is an affine function of colour.

    Only windows that touch an unknown pixel are built, so that time and memory go with the band, not the photo.

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
    height, width = alpha.shape
    if not unknown.any() or min(height, width) < 3:
        return solved
    from scipy.sparse import coo_matrix, identity
    from scipy.sparse.linalg import spsolve

    windows = _windows(unknown)
    members, place = np.unique(windows, return_inverse=True)
    place = place.reshape(windows.shape)
    weights = _window_laplacians(rgb.reshape(-1, 3)[windows].astype(np.float64), epsilon)
    rows, columns = np.repeat(place, 9, axis=1).ravel(), np.tile(place, (1, 9)).ravel()
    laplacian = coo_matrix((weights.ravel(), (rows, columns)), shape=(len(members),) * 2).tocsr()
    free = unknown.ravel()[members]
    values = alpha.ravel()[members].astype(np.float64)
    system = laplacian[free][:, free] + _PRIOR * identity(int(free.sum()))
    right = -laplacian[free][:, ~free] @ values[~free] + _PRIOR * values[free]
    solved.ravel()[members[free]] = np.clip(spsolve(system.tocsc(), right), 0, 1)
    return solved


def _windows(unknown: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return ``(n, 9)`` pixel numbers of the 3 x 3 windows inside the picture that hold an unknown pixel."""
    height, width = unknown.shape
    touched = np.zeros((height - 2, width - 2), np.bool_)
    for row in range(3):
        for column in range(3):
            touched |= unknown[row : row + height - 2, column : column + width - 2]
    corners = np.flatnonzero(np.pad(touched, ((0, 2), (0, 2))))
    return np.asarray(corners[:, None] + (np.arange(3)[:, None] * width + np.arange(3)).ravel())


def _window_laplacians(colours: NDArray[np.float64], epsilon: float) -> NDArray[np.float64]:
    """Return ``(n, 9, 9)``: each window's share of the Laplacian, from its ``(n, 9, 3)`` colours."""
    centred = colours - colours.mean(axis=1, keepdims=True)
    covariance = np.einsum("nik,nil->nkl", centred, centred) / 9 + epsilon / 9 * np.eye(3)
    likeness = 1 + centred @ np.linalg.solve(covariance, centred.transpose(0, 2, 1))
    return np.asarray(np.eye(9) - likeness / 9)
