"""How much neighbouring pixels differ: by noise, and by what the picture shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_MOST = 1 << 21  # pixels looked at: enough for three digits
_LEAST = 64  # differences without which nothing can be said


def noise_level(rgb: Floats, least: float = 0.004) -> float:
    """Return the standard deviation per channel of a picture's fine noise.

    Args:
        rgb: ``(H, W, 3)`` float32.
        least: the answer's lower bound; about one level of 8 bits, for what rounding and JPEG hide.

    Source:
        Immerkær 1996, "Fast noise variance estimation", with a median in place of the mean, so that edges do not count.
    """
    part = _middle(rgb)
    if min(part.shape[:2]) < 3:
        return least
    rows = part[:-2] - 2 * part[1:-1] + part[2:]
    fine = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
    return max(least, float(np.median(np.abs(fine))) / 0.6745 / 6)


def neighbour_spread(field: Floats, inside: NDArray[np.bool_], noise: float, least: float, default: float) -> float:
    """Return a robust scale of the differences of neighbouring pixels, without what noise adds.

    Args:
        field: ``(H, W, 3)`` float32.
        inside: ``(H, W)`` bool, the pixels that count.
        noise: standard deviation of the noise in ``field``.
        least: lower bound.
        default: when too few pixels count.
    """
    field, inside = _middle(field), _middle(inside)
    both = inside[:, 1:] & inside[:, :-1]
    if int(both.sum()) < _LEAST:
        return default
    squares = ((field[:, 1:] - field[:, :-1])[both] ** 2).mean(axis=1)
    return float(np.sqrt(max(float(np.median(squares)) - 2 * noise**2, least**2)))


def noise_and_drift(residual: Floats, inside: NDArray[np.bool_]) -> tuple[float, float]:
    """Return how photo − plate differs from pixel to pixel: as noise, and as a walk that goes on with distance.

    Differences at distance k have the variance 2 noise² + k drift²; distances 1 and 4 give both.

    Args:
        residual: ``(H, W, 3)`` float32.
        inside: ``(H, W)`` bool, where the photo shows the ground.

    Returns:
        Standard deviation per channel of the noise (of photo and plate together), and of the walk's steps; zeros when
        too few pixels count.
    """
    residual, inside = _middle(residual), _middle(inside)
    squares = []
    for step in (1, 4):
        both = inside[:, step:] & inside[:, :-step]
        if int(both.sum()) < _LEAST:
            return 0.0, 0.0
        squares.append(float(np.median(((residual[:, step:] - residual[:, :-step])[both] ** 2).mean(axis=1))))
    near, far = squares
    return float(np.sqrt(max(near, far) / 2)), float(np.sqrt(max(far - near, 0) / 3))


def _middle(field: NDArray) -> NDArray:
    """Return the rows in the middle, at most `_MOST` pixels."""
    height, width = field.shape[:2]
    rows = min(height, max(3, _MOST // width))
    first = (height - rows) // 2
    return field[first : first + rows]
