"""The automatic search: guesses from features and phase, refined coarse to fine; the doubtful are refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.align.blocks import Fit, refine
from toprung.cutting.align.detail import Plane, detail, reduce, scaling
from toprung.cutting.align.features import feature_guess
from toprung.cutting.align.motion import (
    centring,
    corners_of,
    displacement_basis,
    expected_corner_error,
    simplest_model,
    transform,
)
from toprung.cutting.align.phase import phase_guesses

Matrix = NDArray[np.float64]

_COARSE, _FINE = 120_000, 1_100_000  # pixels of the planes on which a motion is refined
_LEAST_SIDE = 24  # px of the smallest plane: fewer hold too few blocks
_LARGEST_ERROR = 2.0  # px of the photo: beyond it a plate does more harm than good
_UNLIKE = 0.08  # log ratio of the pictures' scales from which the plate is resized first
_ENOUGH = 20.0  # no other guess can be meant
_LEAST_SCORE = 3.3  # climbs from wrong starts on papers without structure reach 2.7
# Where the likeness is faint, the errors on made-up papers are about twice what the blocks' scatter says.
_FAINT, _FAINT_FACTOR = 0.3, 2.0


@dataclass(frozen=True)
class Found:
    """A motion and how far to trust it."""

    matrix: Matrix
    model: str
    method: str
    expected_error: float
    used: int
    contrast: float
    reason: str


def search(plate: Plane, photo: Plane) -> Found:
    """Find the motion plate → photo of two grey pictures.

    Args:
        plate: ``(H, W)`` float32 grey of the plate.
        photo: ``(H, W)`` float32 grey of the photo.
    """
    unlike = float(np.sqrt(photo.size / plate.size))
    if abs(np.log(unlike)) > _UNLIKE:  # grain of another size would not be the same grain
        size = (max(1, round(plate.shape[1] * unlike)), max(1, round(plate.shape[0] * unlike)))
        alike = cv2.resize(plate, size, interpolation=cv2.INTER_AREA if unlike < 1 else cv2.INTER_CUBIC)
        found = search(alike, photo)
        return replace(found, matrix=found.matrix @ scaling(plate.shape[:2], alike.shape[:2]))
    levels = _levels(plate, photo)
    side = min(min(*level.plate.shape, *level.photo.shape) for level in levels)
    if side < _LEAST_SIDE:
        return Found(np.eye(3), "translation", "none", float("inf"), 0, 0.0, "a picture is too small or too narrow")
    tried: list[tuple[float, str, Fit]] = []
    for method, guess in _guesses(plate, photo):
        fit = _climb(levels, guess)
        if fit is None:
            continue
        tried.append((_score(fit), method, fit))
        if tried[-1][0] > _ENOUGH:
            break
    if not tried:
        return Found(np.eye(3), "translation", "none", float("inf"), 0, 0.0, "no motion explains both pictures")
    tried.sort(key=lambda entry: -entry[0])
    _, method, fit = tried[0]
    return _judged(levels, plate.shape, photo.shape, method, fit)


@dataclass(frozen=True)
class _Level:
    plate: Plane
    photo: Plane
    to_plate: Matrix
    to_photo: Matrix


def _levels(plate: Plane, photo: Plane) -> list[_Level]:
    """Return the details of both pictures, coarse to fine."""
    pixels = photo.shape[0] * photo.shape[1]
    sizes = [min(1.0, float(np.sqrt(budget / pixels))) for budget in (_COARSE, (_COARSE * _FINE) ** 0.5, _FINE)]
    levels = []
    for scale in sorted(set(sizes)):
        small_plate, small_photo = reduce(plate, scale), reduce(photo, scale)
        levels.append(
            _Level(
                detail(small_plate, 8.0),
                detail(small_photo, 8.0),
                scaling(plate.shape, small_plate.shape),
                scaling(photo.shape, small_photo.shape),
            )
        )
    return levels


def _guesses(plate: Plane, photo: Plane) -> Iterator[tuple[str, Matrix]]:
    """Yield guesses, the likeliest and cheapest first; later ones are only made if earlier ones fail."""
    pixels = photo.shape[0] * photo.shape[1]
    for budget in (260_000, 1_000_000):
        scale = min(1.0, float(np.sqrt(budget / pixels)))
        found = feature_guess(plate, photo, scale)
        if found is not None:
            yield "features", found[0]
        if budget == 260_000:
            yield "identity", np.eye(3)
            for matrix, _ in phase_guesses(plate, photo):
                yield "phase", matrix
        if scale == 1.0:
            break


def _climb(levels: list[_Level], matrix: Matrix) -> Fit | None:
    """Refine a guess from the coarsest level to the finest, with ever more freedom."""
    fit = None
    for index, level in enumerate(levels):
        inner = level.to_photo @ matrix @ np.linalg.inv(level.to_plate)
        plan = ((4, 8), (8, 8)) if index == 0 else ((8, 6),)
        for parameters, steps in plan:
            fit = refine(level.plate, level.photo, inner, parameters=parameters, steps=steps)
            inner = fit.matrix
        matrix = np.linalg.inv(level.to_photo) @ inner @ level.to_plate
        if not _plausible(matrix, level.photo.shape, level.to_photo):
            return None
    return fit


def _plausible(matrix: Matrix, small: tuple[int, ...], to_photo: Matrix) -> bool:
    """Whether a motion keeps the picture's orientation and half of its area at least."""
    if not np.isfinite(matrix).all():
        return False
    height, width = small[0] / to_photo[1, 1], small[1] / to_photo[0, 0]
    corners = corners_of(int(height), int(width))
    if ((corners @ matrix[2, :2] + matrix[2, 2]) <= 0).any():
        return False
    placed = transform(matrix, corners)
    x, y = placed[:, 0], placed[:, 1]
    area = 0.5 * float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum())
    return 0.4 < area / (height * width) < 2.5


def _score(fit: Fit) -> float:
    """Return how surely both details are alike: the correlation's z value over the blocks used."""
    return fit.likeness * float(np.sqrt(max(fit.used, 1))) * 4


def _judged(levels: list[_Level], plate_shape: tuple[int, ...], shape: tuple[int, ...], method: str, fit: Fit) -> Found:
    level = levels[-1]
    height, width = level.photo.shape
    points = corners_of(height, width)
    scale = centring(height, width)[0, 0]
    centred = points * scale + centring(height, width)[:2, 2]
    basis = (displacement_basis(centred) / scale).reshape(8, 8)
    covariance = basis @ fit.covariance @ basis.T + np.eye(8) * 1e-4
    source = transform(np.asarray(np.linalg.inv(fit.matrix), np.float64), points)
    choice = simplest_model(fit.matrix, covariance, source, fit.used)
    to_full = 1 / level.to_photo[0, 0]
    error = expected_corner_error(choice.covariance) * to_full
    matrix = np.linalg.inv(level.to_photo) @ choice.matrix @ level.to_plate
    if fit.likeness < _FAINT:
        error *= _FAINT_FACTOR
    contrast = _score(fit)
    reason = ""
    if contrast < _LEAST_SCORE or not _stands_out(level, choice.matrix):
        reason = "the plate's structure is not found again in the photo"
    elif not error < _LARGEST_ERROR:
        reason = f"the corners are uncertain by {error:.1f} px"
    return Found(matrix / matrix[2, 2], choice.model, method, error, fit.used, contrast, reason)


def _stands_out(level: _Level, matrix: Matrix) -> bool:
    """Whether the details are more alike at a motion than at any of eight motions some pixels away."""
    here = refine(level.plate, level.photo, matrix, parameters=2, steps=1).likeness
    for index in range(8):
        shift = np.eye(3)
        reach = 9 + 3 * (index % 3)
        shift[:2, 2] = reach * np.cos(index * np.pi / 4), reach * np.sin(index * np.pi / 4)
        if refine(level.plate, level.photo, shift @ matrix, parameters=2, steps=1).likeness >= here:
            return False
    return True
