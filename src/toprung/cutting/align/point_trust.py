"""How far to trust a transform fitted to point pairs: its expected error at the photo's corners, and nonsense."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.align.point_models import Matrix, PointModel, Points, apply
from toprung.cutting.align.points import PointPairs

# How far two photos from the hand differ in what a simpler transform leaves out, as standard deviations: turn in
# radians and scale (2° and 3 % are the most that is expected), two ways of stretching, two of tilting, these four as a
# share of the half diagonal at its end.
_HAND_HELD = np.array([np.inf, np.inf, 0.02, 0.02, 0.008, 0.008, 0.008, 0.008])
_MOST_SCALE = 8.0
_MOST_STRETCH = 3.0
_LEAST_OVERLAP = 0.05


def expected_corner_error(
    matrix: Matrix, model: PointModel, agreeing: PointPairs, sigma: float, photo_shape: tuple[int, ...]
) -> float:
    """Return the expected mean displacement error of the photo's corners in pixels.

    Around the fitted transform, the error is a homography with eight small parameters. Those of the model are known
    from the pairs alone; those that it leaves out have the prior of two photos from the hand, so that a shift found by
    one pair does not claim to know the turn. Their covariance, and what the pairs say of the parameters left out,
    give the displacement at each corner.

    Args:
        matrix: plate → photo.
        model: its family.
        agreeing: the pairs that it was fitted to.
        sigma: standard deviation of a coordinate of the pairs' distances, in pixels.
        photo_shape: height and width of the photo, and whatever follows.

    Source:
        Linear Gaussian posterior (Bishop 2006, "Pattern recognition and machine learning", 3.3). The mean length of a
        Gaussian vector with variances a ≥ b is √(2a/π) E(1 − b/a), E the complete elliptic integral of the second kind.
    """
    from scipy.special import ellipe

    height, width = photo_shape[:2]
    middle, half = np.array([width - 1, height - 1]) / 2, math.hypot(width, height) / 2
    fallen = apply(matrix, agreeing.plate)
    fields = half * _fields((fallen - middle) / half)
    precision = np.where(np.arange(8) < model.parameters, 0.0, 1 / _HAND_HELD**2)
    information = fields.T @ fields / sigma**2 + np.diag(precision)
    covariance = np.linalg.pinv(information, hermitian=True)
    missed = covariance @ (fields.T @ (agreeing.photo - fallen).reshape(-1)) / sigma**2
    corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], np.float64)
    lengths = []
    for corner in corners:
        field = half * _fields((corner[None] - middle) / half)
        shift = field @ missed
        small, large = np.linalg.eigvalsh(field @ covariance @ field.T + np.outer(shift, shift))
        large = max(float(large), 1e-30)
        lengths.append(math.sqrt(2 * large / math.pi) * float(ellipe(1 - max(float(small), 0.0) / large)))
    return float(np.mean(lengths))


def _fields(points: Points) -> NDArray[np.float64]:
    """Return ``(2N, 8)``: how each small parameter moves ``(N, 2)`` points in units of the half diagonal."""
    x, y = points.T
    zero, one = np.zeros_like(x), np.ones_like(x)
    along_x = np.stack([one, zero, -y, x, x, y, x * x, x * y], axis=1)
    along_y = np.stack([zero, one, x, y, -y, x, x * y, y * y], axis=1)
    return np.stack([along_x, along_y], axis=1).reshape(-1, 8)


def nonsense(matrix: Matrix, plate_shape: tuple[int, ...], photo_shape: tuple[int, ...]) -> str:
    """Return why a transform cannot be that of two photos of one scene, as a sentence, or "".

    Args:
        matrix: plate → photo.
        plate_shape: height and width of the plate, and whatever follows.
        photo_shape: those of the photo.
    """
    height, width = plate_shape[:2]
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float64)
    depth = corners @ matrix[2, :2] + matrix[2, 2]
    if not (np.isfinite(matrix).all() and (depth > 0).all()):
        return "the pairs bend the plate through infinity; click them again, or add pairs."
    for point in np.vstack([corners, corners.mean(axis=0)]):
        jacobian = _jacobian(matrix, point)
        large, small = np.linalg.svd(jacobian, compute_uv=False)
        if np.linalg.det(jacobian) <= 0:
            return "the pairs turn the plate over like a mirror; were two of them mixed up?"
        if large > _MOST_SCALE or small < 1 / _MOST_SCALE:
            return f"the pairs change the plate's size by more than {_MOST_SCALE:g}; click them again, farther apart."
        if large > _MOST_STRETCH * small:
            return f"the pairs stretch the plate by more than {_MOST_STRETCH:g} in one direction; click them again."
    covered = _covered(apply(matrix, corners), photo_shape)
    if covered < _LEAST_OVERLAP:
        return f"with these pairs the plate covers {covered:.0%} of the photo; click them again."
    return ""


def _jacobian(matrix: Matrix, point: NDArray[np.float64]) -> NDArray[np.float64]:
    depth = float(matrix[2, :2] @ point + matrix[2, 2])
    fallen = (matrix[:2, :2] @ point + matrix[:2, 2]) / depth
    return (matrix[:2, :2] - np.outer(fallen, matrix[2, :2])) / depth


def _covered(corners: Points, photo_shape: tuple[int, ...]) -> float:
    """Return the share of a photo that a convex quadrilateral covers."""
    import cv2

    height, width = photo_shape[:2]
    frame = np.array([[-0.5, -0.5], [width - 0.5, -0.5], [width - 0.5, height - 0.5], [-0.5, height - 0.5]])
    common, _ = cv2.intersectConvexConvex(corners.astype(np.float32), frame.astype(np.float32))
    return float(common) / (width * height)
