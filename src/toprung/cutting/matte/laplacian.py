"""The matting Laplacian of a few pixels among many.

Alpha is assumed to be a linear function of colour in each 3 × 3 window (Levin, Lischinski & Weiss 2008, "A closed-form
solution to natural image matting", equation 12). Only the windows that touch an unknown pixel are built, so the cost
follows the band and not the picture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from toprung.cutting.scene import RGB

_SHIFTS = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)]
_CHUNK = 8_000  # windows at a time: about 10 MB, which stays in a core's cache


def matting_laplacian(
    rgb: RGB, unknown: NDArray[np.bool_], epsilon: float = 1e-6
) -> tuple[sparse.csr_matrix, NDArray[np.int64]]:
    """Return the Laplacian's rows of the unknown pixels, over all pixels that they touch.

    Args:
        rgb: ``(H, W, 3)`` float32, H and W at least 3.
        unknown: ``(H, W)`` bool.
        epsilon: regularisation of a window's covariance.

    Returns:
        A square ``(n, n)`` matrix over the pixels within two of an unknown one, and their ``(n,)`` flat indices. Rows
        of pixels that are not unknown are incomplete, and of no use to a solver that fixes them.
    """
    height, width = unknown.shape
    centres = np.zeros_like(unknown)
    for row, column in _SHIFTS:
        centres |= np.roll(unknown, (row, column), (0, 1))
    centres[[0, -1]] = False
    centres[:, [0, -1]] = False
    rows, columns = np.nonzero(centres)
    touched = unknown.copy()
    for row, column in _SHIFTS:
        touched[rows + row, columns + column] = True
    pixels = np.flatnonzero(touched)
    index = np.full(height * width, -1, np.int32)
    index[pixels] = np.arange(len(pixels), dtype=np.int32)
    bands = np.zeros((25, len(pixels)))
    flat = rgb.reshape(-1, 3)
    for start in range(0, len(rows), _CHUNK):
        window = np.stack(
            [(rows[start : start + _CHUNK] + row) * width + columns[start : start + _CHUNK] + column
             for row, column in _SHIFTS], axis=1,
        )  # fmt: skip
        _add(bands, _window_terms(flat[window].astype(np.float64), epsilon), index[window])
    return _assemble(bands, pixels, index, height, width), pixels


def _window_terms(colours: NDArray[np.float64], epsilon: float) -> NDArray[np.float64]:
    """Return ``(N, 9, 9)``: each window's δ − (1 + (I_i − μ)ᵀ (Σ + ε/9)⁻¹ (I_j − μ)) / 9.

    The 3 × 3 inverse is written out, as thousands of calls of a general solver would take most of the time.
    """
    centred = colours - colours.mean(1, keepdims=True)
    red, green, blue = (np.ascontiguousarray(centred[..., channel]) for channel in range(3))
    rr, rg, rb = ((red * other).mean(1) for other in (red, green, blue))
    gg, gb, bb = (green * green).mean(1), (green * blue).mean(1), (blue * blue).mean(1)
    rr, gg, bb = rr + epsilon / 9, gg + epsilon / 9, bb + epsilon / 9
    a, b, c = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    d, e, f = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
    scale = -1 / (9 * (rr * a + rg * b + rb * c))
    first = (red * a[:, None] + green * b[:, None] + blue * c[:, None]) * scale[:, None]
    second = (red * b[:, None] + green * d[:, None] + blue * e[:, None]) * scale[:, None]
    third = (red * c[:, None] + green * e[:, None] + blue * f[:, None]) * scale[:, None]
    terms = first[:, :, None] * red[:, None]
    terms += second[:, :, None] * green[:, None]
    terms += third[:, :, None] * blue[:, None]
    terms -= 1 / 9
    terms[:, np.arange(9), np.arange(9)] += 1
    return terms


def _add(bands: NDArray[np.float64], terms: NDArray[np.float64], window: NDArray[np.int32]) -> None:
    """Add windows to the 25 diagonals; at a fixed place in the window each pixel occurs once, so no sum is lost."""
    for i, (row_i, column_i) in enumerate(_SHIFTS):
        pixels = window[:, i]
        for j, (row_j, column_j) in enumerate(_SHIFTS):
            bands[(row_j - row_i + 2) * 5 + column_j - column_i + 2][pixels] += terms[:, i, j]


def _assemble(
    bands: NDArray[np.float64], pixels: NDArray[np.int64], index: NDArray[np.int32], height: int, width: int
) -> sparse.csr_matrix:
    count = len(pixels)
    row_of, column_of = np.divmod(pixels, width)
    column = np.empty((count, 25), np.int32)
    for offset in range(25):
        down, right = offset // 5 - 2, offset % 5 - 2
        inside = (
            (row_of + down >= 0) & (row_of + down < height) & (column_of + right >= 0) & (column_of + right < width)
        )
        there = index[np.clip(pixels + down * width + right, 0, height * width - 1)]
        column[:, offset] = np.where(inside, there, -1)
    keep = column >= 0
    pointer = np.concatenate([[0], np.cumsum(keep.sum(1))])
    return sparse.csr_matrix((bands.T[keep], column[keep], pointer), shape=(count, count))
