"""Bring the second photo's object to where the first one's is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.foreground.encodings import Encoding
from toprung.cutting.triangulation.equations import outside
from toprung.cutting.triangulation.registration import moving, register
from toprung.cutting.triangulation.views import View, cut, moved, opaque, solved

_ENOUGH = 200_000  # pixels by which the second photo is registered


def registered(one: View, two: View, ground: NDArray[np.bool_], way: Encoding) -> NDArray[np.float64]:
    """Return the second photo's movement, by the object and its surroundings alone."""
    import cv2

    near = cv2.dilate((opaque(one, two, ground)).astype(np.uint8), np.ones((15, 15), np.uint8))
    rows, columns = np.nonzero(near)
    if rows.size < 200:
        return np.eye(3)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    centre = ((columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2)
    reach = float(max(bottom - top, right - left)) / 2
    part = (slice(max(0, top - 8), bottom + 8), slice(max(0, left - 8), right + 8))
    offset = np.array([[1, 0, -part[1].start], [0, 1, -part[0].start], [0, 0, 1.0]])
    step = max(1.0, (near[part].size / _ENOUGH) ** 0.5)
    small = (round(near[part].shape[1] / step), round(near[part].shape[0] / step))
    inside = cv2.resize(near[part], small, interpolation=cv2.INTER_NEAREST) > 0
    still, back = cut(one, part, small), cut(two, part, small)
    scale = np.array([[1 / step, 0, 0.5 / step - 0.5], [0, 1 / step, 0.5 / step - 0.5], [0, 0, 1]])
    offset = scale @ offset

    def residuals(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        matrix = offset @ moving(parameters * step, centre, reach) @ np.linalg.inv(offset)
        found = solved(still, moved(back, matrix), way)
        return np.sqrt(2 * found.misfit[inside] + outside(found)[inside] ** 2).astype(np.float64)

    best = register(residuals) * step
    return moving(best, centre, reach) if best.any() else np.eye(3)
