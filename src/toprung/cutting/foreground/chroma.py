"""Colour at half resolution, as most JPEG files store it: whether a photo was, and what it does to colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

OPPONENT = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
"""R, G, B → luma and two colour differences (ITU-T T.871)."""

_UNIT = (OPPONENT / np.linalg.norm(OPPONENT, axis=1, keepdims=True)).astype(np.float32)
_BACK = np.linalg.inv(_UNIT.astype(np.float64)).astype(np.float32)
_EQUAL = 0.6  # ratio of differences below which pairs of pixels come from one stored colour


def opponent(rgb: Floats) -> Floats:
    """Return ``(…, 3)`` luma and colour differences, each scaled so that white noise keeps its deviation."""
    return rgb @ _UNIT.T


def from_opponent(values: Floats) -> Floats:
    """Return ``(…, 3)`` RGB of :func:`opponent` values."""
    return values @ _BACK.T


def spread_colour(field: Floats) -> Floats:
    """Return what halving a field and doubling it again leaves, averaged over the places of the grid.

    A pair's mean, doubled with weights 3/4 and 1/4, is (1, 1, 3, 3) / 8 or (3, 3, 1, 1) / 8 of four pixels in a row;
    their average is (1, 4, 6, 4, 1) / 16.

    Args:
        field: ``(H, W)`` or ``(H, W, C)`` float32.
    """
    import cv2

    row = np.array([1, 4, 6, 4, 1], np.float32) / 16
    return np.asarray(cv2.sepFilter2D(field, -1, row, row, borderType=cv2.BORDER_REFLECT), np.float32)


def has_half_colour(rgb: Floats) -> bool:
    """Say whether a photo's colours were stored at half resolution in both directions.

    Doubling with weights 3/4 and 1/4 makes the second differences at both pixels of a pair equal; across pairs they
    are not.

    Args:
        rgb: ``(H, W, 3)`` float32 sRGB.
    """
    height, width = rgb.shape[:2]
    if min(height, width) < 16:
        return False
    part = rgb[: min(height, max(16, (1 << 21) // width))]
    differences = [(part @ unit).astype(np.float32) for unit in _UNIT[1:]]
    return any(_paired(field) and _paired(np.ascontiguousarray(field.T)) for field in differences)


def _paired(field: Floats) -> bool:
    """Say whether second differences along the rows come in equal pairs."""
    bend = field[:, :-2] - 2 * field[:, 1:-1] + field[:, 2:]
    change = np.abs(bend[:, 1:] - bend[:, :-1])
    size = np.abs(bend[:, 1:]) + np.abs(bend[:, :-1])
    limit = max(float(np.percentile(size[:, ::3], 99.7)), 4 / 255)  # at colour edges, above what rounding makes
    strong = size >= limit
    means = [float(change[:, start::2][strong[:, start::2]].mean()) for start in (0, 1) if strong[:, start::2].any()]
    return len(means) == 2 and min(means) < _EQUAL * max(means)
