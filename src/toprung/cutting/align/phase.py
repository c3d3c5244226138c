"""First guesses of an alignment by phase correlation over a grid of turns and zooms, for grounds without corners."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.align.detail import Plane, detail, reduce, scaling

Matrix = NDArray[np.float64]
_TURNS = np.deg2rad(np.arange(-3, 3.01, 0.5))
_ZOOMS = np.arange(-0.045, 0.0451, 0.0075)


def phase_guesses(plate: Plane, photo: Plane, pixels: int = 160_000, best: int = 3) -> list[tuple[Matrix, float]]:
    """Return the likeliest similarity motions, plate → photo, with their peaks in standard deviations.

    Every turn within 3° and zoom within 4.5 % is tried; the shift is the highest peak of the correlation of whitened
    spectra (Kuglin & Hines 1975), summed over the picture's four quarters so that a small error of turn or zoom does
    not smear it away.
    """
    scale = min(1.0, float(np.sqrt(pixels / (photo.shape[0] * photo.shape[1]))))
    small_photo = reduce(photo, scale)
    small_plate = cv2.resize(plate, small_photo.shape[::-1], interpolation=cv2.INTER_AREA)
    to_small = scaling(photo.shape[:2], small_photo.shape[:2])
    from_plate = scaling(plate.shape[:2], small_plate.shape[:2])
    fixed, moving = detail(small_photo, 6.0), detail(small_plate, 6.0)
    spectra = [np.conj(_whitened(fixed[rows, columns])) for rows, columns in _quarters(fixed.shape)]
    found: list[tuple[float, Matrix]] = []
    for motion in _motions(*fixed.shape):
        turned = cv2.warpPerspective(moving, motion, fixed.shape[::-1], flags=cv2.INTER_LINEAR)
        total = sum(
            np.fft.irfft2(spectrum * _whitened(turned[rows, columns]))
            for spectrum, (rows, columns) in zip(spectra, _quarters(fixed.shape), strict=True)
        )
        surface = cv2.GaussianBlur(np.asarray(total, np.float32), (0, 0), 0.7)
        row, column = np.unravel_index(int(surface.argmax()), surface.shape)
        peak = float((surface[row, column] - surface.mean()) / (surface.std() + 1e-12))
        shift = np.eye(3)
        shift[0, 2] = -_wrapped(int(column), surface.shape[1])
        shift[1, 2] = -_wrapped(int(row), surface.shape[0])
        found.append((peak, np.linalg.inv(to_small) @ shift @ motion @ from_plate))
    found.sort(key=lambda guess: -guess[0])
    return [(matrix / matrix[2, 2], peak) for peak, matrix in found[:best]]


def _motions(height: int, width: int) -> Iterator[Matrix]:
    for turn in _TURNS:
        for zoom in _ZOOMS:
            matrix = np.eye(3)
            matrix[:2] = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), np.rad2deg(turn), 1 + zoom)
            yield matrix


def _quarters(shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    height, width = shape[0] // 2, shape[1] // 2
    rows = (slice(0, height), slice(height, 2 * height))
    columns = (slice(0, width), slice(width, 2 * width))
    return [(row, column) for row in rows for column in columns]


def _whitened(tile: Plane) -> NDArray[np.complexfloating]:
    window = np.outer(np.hanning(tile.shape[0]), np.hanning(tile.shape[1])).astype(np.float32)
    spectrum = np.fft.rfft2(np.clip(tile, -6, 6) * window)
    return spectrum / (np.abs(spectrum) + 1e-3 * float(np.abs(spectrum).mean()) + 1e-12)


def _wrapped(position: int, length: int) -> int:
    return position - length if position > length // 2 else position
