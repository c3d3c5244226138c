"""The transforms that point pairs can carry: translation ⊂ similarity ⊂ affine ⊂ homography."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Points = NDArray[np.float64]

_STEPS = 12  # of Gauss and Newton; a homography near its algebraic start takes three or four


@dataclass(frozen=True)
class PointModel:
    """A family of transforms.

    Attributes:
        name: as in :class:`toprung.cutting.align.alignment.Alignment`.
        parameters: how many numbers it has.
        needed: how many pairs fix it.
        fit: ``(N, 2)`` points and the ``(N, 2)`` they shall fall on → ``(3, 3)``, by least squares of the distance in
            the second picture; None when the points do not fix the transform (they coincide, or lie on a line).
    """

    name: str
    parameters: int
    needed: int
    fit: Callable[[Points, Points], Matrix | None]


def apply(matrix: Matrix, points: Points) -> Points:
    """Return where ``(N, 2)`` points fall.

    Args:
        matrix: ``(3, 3)``.
        points: x and y in pixels.
    """
    lifted = points @ matrix[:, :2].T + matrix[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        return lifted[:, :2] / lifted[:, 2:]


def fit_translation(source: Points, target: Points) -> Matrix | None:
    """Return the mean shift."""
    matrix = np.eye(3)
    matrix[:2, 2] = (target - source).mean(axis=0)
    return matrix


def fit_similarity(source: Points, target: Points) -> Matrix | None:
    """Return the turn, scale and shift of least squares, as a line fitted to complex numbers; never a mirror image.

    Source:
        Umeyama 1991, "Least-squares estimation of transformation parameters between two point patterns", in the plane.
    """
    from_, to = source @ np.array([1, 1j]), target @ np.array([1, 1j])
    from_mean, to_mean = from_.mean(), to.mean()
    spread = float((np.abs(from_ - from_mean) ** 2).sum())
    if spread < 1e-12 * max(1.0, abs(from_mean) ** 2):
        return None
    turn = complex((np.conj(from_ - from_mean) * (to - to_mean)).sum() / spread)
    shift = to_mean - turn * from_mean
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag], [0.0, 0.0, 1.0]])


def fit_affine(source: Points, target: Points) -> Matrix | None:
    """Return the affine transform of least squares."""
    design = np.hstack([source, np.ones((len(source), 1))])
    scaled = design / np.maximum(np.abs(design).max(axis=0), 1e-12)
    if len(source) < 3 or np.linalg.svd(scaled, compute_uv=False)[-1] < 1e-7:
        return None
    solution = np.linalg.lstsq(design, target, rcond=None)[0]
    return np.vstack([solution.T, [0.0, 0.0, 1.0]])


def fit_homography(source: Points, target: Points) -> Matrix | None:
    """Return the homography of least squared distance: an algebraic start in normalised points, then Gauss–Newton.

    Source:
        Hartley & Zisserman 2004, "Multiple view geometry in computer vision", algorithm 4.2 and section 4.3.
    """
    to_unit, from_unit = _normalising(source), _normalising(target)
    if to_unit is None or from_unit is None or len(source) < 4:
        return None
    start, aim = apply(to_unit, source), apply(from_unit, target)
    x, y, zero, one = start[:, 0], start[:, 1], np.zeros(len(start)), np.ones(len(start))
    equations = np.concatenate(
        [
            np.stack([x, y, one, zero, zero, zero, -aim[:, 0] * x, -aim[:, 0] * y, -aim[:, 0]], axis=1),
            np.stack([zero, zero, zero, x, y, one, -aim[:, 1] * x, -aim[:, 1] * y, -aim[:, 1]], axis=1),
        ]
    )
    _, values, directions = np.linalg.svd(equations)
    if len(values) < 8 or values[7] < 1e-7 * values[0]:
        return None  # three on a line: more than one homography passes through them
    unit = directions[-1].reshape(3, 3)
    if abs(unit[2, 2]) < 1e-9:
        return None
    unit = _polish(unit / unit[2, 2], start, aim) if len(source) > 4 else unit / unit[2, 2]
    matrix = np.linalg.inv(from_unit) @ unit @ to_unit
    if not np.isfinite(matrix).all() or abs(matrix[2, 2]) < 1e-12:
        return None
    return matrix / matrix[2, 2]


def _normalising(points: Points) -> Matrix | None:
    middle = points.mean(axis=0)
    spread = float(np.sqrt(((points - middle) ** 2).sum(axis=1).mean()))
    if spread < 1e-9:
        return None
    return np.array([[1 / spread, 0, -middle[0] / spread], [0, 1 / spread, -middle[1] / spread], [0, 0, 1]])


def _polish(unit: Matrix, start: Points, aim: Points) -> Matrix:
    """Return the homography of least squared distance near ``unit``; a step that does not help is not taken."""
    best = float(((apply(unit, start) - aim) ** 2).sum())
    x, y, zero, one = start[:, 0], start[:, 1], np.zeros(len(start)), np.ones(len(start))
    for _ in range(_STEPS):
        now = apply(unit, start)
        depth = start @ unit[2, :2] + 1
        jacobian = (
            np.concatenate(
                [
                    np.stack([x, y, one, zero, zero, zero, -now[:, 0] * x, -now[:, 0] * y], axis=1),
                    np.stack([zero, zero, zero, x, y, one, -now[:, 1] * x, -now[:, 1] * y], axis=1),
                ]
            )
            / np.concatenate([depth, depth])[:, None]
        )
        step = np.linalg.lstsq(jacobian, (aim - now).T.reshape(-1), rcond=None)[0]
        better = unit + np.append(step, 0.0).reshape(3, 3)
        error = float(((apply(better, start) - aim) ** 2).sum())
        if not error < best:
            break
        gained, unit, best = best - error, better, error
        if gained < 1e-12 * max(best, 1e-12):
            break
    return unit


MODELS: tuple[PointModel, ...] = (
    PointModel("translation", 2, 1, fit_translation),
    PointModel("similarity", 4, 2, fit_similarity),
    PointModel("affine", 6, 3, fit_affine),
    PointModel("homography", 8, 4, fit_homography),
)
"""From the simplest to the freest; each holds the one before it."""
