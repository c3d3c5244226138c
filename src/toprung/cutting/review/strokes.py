"""Brush strokes: a polyline with a radius, in pixels of the photo, and the masks that strokes paint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OBJECT, BACKGROUND = "object", "background"
KINDS = (OBJECT, BACKGROUND)


@dataclass(frozen=True)
class Stroke:
    """One stroke of the brush.

    Attributes:
        kind: "object" (certainly the object) or "background" (certainly not).
        radius: of the brush, in pixels of the photo.
        points: x, y in pixels of the photo, at least one; the centre of the upper left pixel is 0, 0.
    """

    kind: str
    radius: float
    points: tuple[tuple[float, float], ...]


def paint(strokes: Iterable[Stroke], size: tuple[int, int]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Paint strokes: all pixels whose centre lies within the radius of the polyline, later strokes over earlier ones.

    Args:
        strokes: in the order in which they were made.
        size: width and height of the photo.

    Returns:
        ``(certain_object, certain_background)``, each ``(H, W)`` bool; no pixel is in both.
    """
    width, height = size
    masks = {kind: np.zeros((height, width), np.bool_) for kind in KINDS}
    for stroke in strokes:
        for start, end in zip(stroke.points, stroke.points[1:] or stroke.points, strict=False):
            rows, columns, near = _capsule(start, end, stroke.radius, size)
            for kind, mask in masks.items():
                window = mask[rows, columns]
                window[near] = kind == stroke.kind
    return masks[OBJECT], masks[BACKGROUND]


def _capsule(
    start: tuple[float, float], end: tuple[float, float], radius: float, size: tuple[int, int]
) -> tuple[slice, slice, NDArray[np.bool_]]:
    """Return the window of rows and columns around a segment, and which of its pixels lie within the radius."""
    reach = max(radius, 0.5)  # the thinnest brush still paints the pixel it stands on
    low = [int(max(0, np.floor(min(a, b) - reach))) for a, b in zip(start, end, strict=True)]
    high = [int(min(n, np.ceil(max(a, b) + reach) + 1)) for a, b, n in zip(start, end, size, strict=True)]
    columns, rows = (slice(a, max(a, b)) for a, b in zip(low, high, strict=True))
    x = np.arange(columns.start, columns.stop)[None, :] - start[0]
    y = np.arange(rows.start, rows.stop)[:, None] - start[1]
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    length = along_x**2 + along_y**2
    share = np.clip((x * along_x + y * along_y) / length, 0, 1) if length > 0 else np.zeros(())
    near = (x - share * along_x) ** 2 + (y - share * along_y) ** 2 <= reach**2
    return rows, columns, np.asarray(near, np.bool_)
