"""Plane motions in the photo's frame: their parameters, and which is the simplest that the evidence supports."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

MODELS = {"translation": 2, "similarity": 4, "affine": 6, "homography": 8}
"""Models of motion, the simplest first, with their numbers of parameters."""


def corners_of(height: int, width: int) -> Matrix:
    """Return the ``(4, 2)`` centres of a picture's corner pixels, x then y."""
    return np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float64)


def transform(matrix: Matrix, points: Matrix) -> Matrix:
    """Map ``(N, 2)`` points by a ``(3, 3)`` matrix."""
    mapped = points @ matrix[:, :2].T + matrix[:, 2]
    return mapped[:, :2] / mapped[:, 2:]


def corner_error(matrix: Matrix, truth: Matrix, height: int, width: int) -> float:
    """Return the mean distance, in pixels, of a plate's four corners mapped by two matrices."""
    points = corners_of(height, width)
    return float(np.linalg.norm(transform(matrix, points) - transform(truth, points), axis=1).mean())


def centring(height: int, width: int) -> Matrix:
    """Return the matrix that takes pixels to coordinates centred on the picture, about one half-diagonal wide."""
    scale = 2 / np.hypot(height, width)
    return np.array([[scale, 0, -scale * (width - 1) / 2], [0, scale, -scale * (height - 1) / 2], [0, 0, 1.0]])


def displacement_basis(points: Matrix) -> Matrix:
    """Return ``(N, 2, 8)``: how centred points move with the eight parameters of a homography near the identity.

    Two shifts, zoom and turn, two of shear, two of perspective; the first 2, 4, 6 and 8 are the four models.
    """
    x, y = points[:, 0], points[:, 1]
    one, nil = np.ones_like(x), np.zeros_like(x)
    along_x = np.stack([one, nil, x, -y, x, y, -x * x, -x * y], axis=1)
    along_y = np.stack([nil, one, y, x, -y, x, -x * y, -y * y], axis=1)
    return np.stack([along_x, along_y], axis=1)


def step_matrix(parameters: Matrix) -> Matrix:
    """Return the homography, in centred coordinates, of eight small parameters (see :func:`displacement_basis`)."""
    a, b, zoom, turn, shear, skew, p, q = parameters
    return np.array([[1 + zoom + shear, -turn + skew, a], [turn + skew, 1 + zoom - shear, b], [p, q, 1.0]])


def from_corners(source: Matrix, target: Matrix) -> Matrix:
    """Return the homography that takes four points to four others."""
    import cv2

    found = cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32))
    return np.asarray(found, np.float64)


@dataclass(frozen=True)
class Choice:
    """The model that the evidence supports.

    Attributes:
        model: its name.
        matrix: ``(3, 3)``.
        covariance: ``(8, 8)`` of the mapped corners x0, y0, x1, …, in px².
    """

    model: str
    matrix: Matrix
    covariance: Matrix


def simplest_model(matrix: Matrix, covariance: Matrix, source: Matrix, evidence: int) -> Choice:
    """Replace a homography by the simplest motion that explains it within its uncertainty.

    A translation, similarity or affine motion places the corners linearly in its parameters, so its best fit to the
    homography's corners under their covariance is generalised least squares; the loss is chi-squared. The model of the
    lowest Bayesian information criterion (Schwarz 1978), loss + k·log(evidence), wins; its corners are surer than the
    homography's, as fewer parameters carry the same evidence.

    Args:
        matrix: ``(3, 3)`` estimate, plate → photo.
        covariance: ``(8, 8)`` of the four mapped corners, px².
        source: ``(4, 2)`` the corners in the plate.
        evidence: number of independent measurements behind the estimate.
    """
    target = transform(matrix, source).reshape(8)
    information = np.linalg.pinv(covariance, hermitian=True)
    best: tuple[float, Choice] | None = None
    for model, count in MODELS.items():
        if model == "homography":
            score, choice = count * np.log(max(evidence, 2)), Choice(model, matrix, covariance)
        else:
            design, constant = _corner_design(model, source)
            normal = design.T @ information @ design
            fitted = np.linalg.solve(normal, design.T @ information @ (target - constant))
            placed = design @ fitted + constant
            loss = float((target - placed) @ information @ (target - placed))
            score = loss + count * np.log(max(evidence, 2))
            choice = Choice(
                model, from_corners(source, placed.reshape(4, 2)), design @ np.linalg.inv(normal) @ design.T
            )
        if best is None or score < best[0]:
            best = (score, choice)
    assert best is not None
    return best[1]


def expected_corner_error(covariance: Matrix) -> float:
    """Return the mean length of the corners' errors for a Gaussian of this ``(8, 8)`` covariance.

    For each corner sqrt(trace)·√π/2, which is exact for a round Gaussian (Rayleigh's mean) and near it otherwise.
    """
    variances = np.clip(np.diag(covariance), 0, None).reshape(4, 2).sum(1)
    return float(np.sqrt(variances).mean() * np.sqrt(np.pi) / 2)


def _corner_design(model: str, source: Matrix) -> tuple[Matrix, Matrix]:
    """Return ``(8, k)`` and ``(8,)``: the corners are design @ parameters + constant."""
    x, y = source[:, 0], source[:, 1]
    one, nil = np.ones_like(x), np.zeros_like(x)
    columns = {
        "translation": ([one, nil], [nil, one]),
        "similarity": ([one, nil, x, -y], [nil, one, y, x]),
        "affine": ([one, nil, x, y, nil, nil], [nil, one, nil, nil, x, y]),
    }[model]
    design = np.stack([np.stack(columns[0], 1), np.stack(columns[1], 1)], axis=1).reshape(8, -1)
    constant = source.reshape(8) if model == "translation" else np.zeros(8)
    return design, constant
