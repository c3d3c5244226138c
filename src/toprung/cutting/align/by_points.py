"""The motion that point pairs of a person support."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.align.point_fit import PointFit, fit_points
from toprung.cutting.align.points import PointPairs, read_points
from toprung.cutting.align.search import Found
from toprung.errors import CutoutError


def as_pairs(points: PointPairs | str | Path | NDArray) -> PointPairs:
    """Return point pairs given in any way.

    Args:
        points: pairs, a CSV file of them, or an array ``(N, 4)`` of plate_x, plate_y, photo_x, photo_y in pixels.

    Raises:
        CutoutError: they are no pairs.
    """
    if isinstance(points, PointPairs):
        return points
    if isinstance(points, str | Path):
        return read_points(Path(points))
    values = np.asarray(points, np.float64)
    if values.ndim != 2 or values.shape[1] != 4:
        raise CutoutError(
            f"Point pairs of shape {values.shape} cannot be used: give (N, 4), plate x, y and photo x, y."
        )
    return PointPairs(values[:, :2], values[:, 2:])


def find_by_points(pairs: PointPairs, plate_shape: tuple[int, ...], photo_shape: tuple[int, ...]) -> Found:
    """Return the simplest motion that the pairs support, or why there is none.

    Args:
        pairs: in pixels of the two pictures.
        plate_shape: height and width of the plate, and whatever follows.
        photo_shape: those of the photo.

    Raises:
        CutoutError: a point lies outside its picture.
    """
    return as_found(fit_points(pairs.inside(plate_shape, photo_shape), plate_shape, photo_shape))


def as_found(fit: PointFit) -> Found:
    """Return what point pairs say as the search would have said it."""
    return Found(
        matrix=fit.matrix,
        model=fit.model,
        method="points",
        expected_error=fit.expected_error_px,
        used=int(fit.agreeing.sum()),
        contrast=0.0,
        reason=fit.problem,
    )
