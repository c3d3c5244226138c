"""Refining an alignment on the pictures themselves: Lucas–Kanade over blocks, with the object's blocks left out.

Each block keeps six sums (structure tensor, gradient times residual, energies), so one step of the whole picture costs
one warp and a few products; the motion's parameters then come from a few hundred blocks, each with its own weight. The
blocks' scatter gives the covariance without a model of the noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.align.detail import Plane
from toprung.cutting.align.motion import centring, displacement_basis, step_matrix

Matrix = NDArray[np.float64]

# Hand-held pairs seldom shear by more than 2 % or tilt a corner by more than 2 % of the half-diagonal; the prior only
# matters where the pictures say nothing.
_PRIOR = np.array([10.0, 10.0, 1.0, 1.0, 0.02, 0.02, 0.02, 0.02])


@dataclass(frozen=True)
class Fit:
    """A motion fitted to blocks.

    Attributes:
        matrix: ``(3, 3)`` plate → photo.
        covariance: ``(8, 8)`` of the step's parameters in centred coordinates.
        likeness: weighted correlation of the two details over the blocks used, in [-1, 1].
        used: number of blocks with a say.
        weights: ``(rows, columns)`` of the blocks.
        moved: length of the last step, in px at the corners.
    """

    matrix: Matrix
    covariance: Matrix
    likeness: float
    used: int
    weights: NDArray[np.float64]
    moved: float


def refine(plate: Plane, photo: Plane, matrix: Matrix, *, parameters: int, steps: int, block: int = 24) -> Fit:
    """Improve a motion by Gauss–Newton on the details of both pictures.

    Args:
        plate: ``(H, W)`` detail of the plate.
        photo: ``(H, W)`` detail of the photo.
        matrix: ``(3, 3)`` start, plate → photo, in these planes' pixels.
        parameters: 2, 4, 6 or 8: how free the motion is.
        steps: at most so many.
        block: side of a block in pixels.

    Source:
        Baker & Matthews 2004, "Lucas-Kanade 20 years on"; mean of both gradients: Benhimane & Malis 2004; sandwich
        covariance: Huber 1967.
    """
    height, width = photo.shape
    centre = centring(height, width)
    back = np.linalg.inv(centre)
    gradient = _gradients(photo)
    fit = None
    for _ in range(max(1, steps)):
        fit = _step(plate, photo, gradient, matrix, parameters, block)
        matrix = back @ step_matrix(fit[0]) @ centre @ matrix
        matrix = matrix / matrix[2, 2]
        if fit[4] < 0.01:
            break
    assert fit is not None
    return Fit(matrix, fit[1], fit[2], fit[3], fit[5], fit[4])


def block_sums(plane: Plane, block: int) -> NDArray[np.float64]:
    """Return the mean of each whole block of a plane."""
    rows, columns = plane.shape[0] // block, plane.shape[1] // block
    cut = plane[: rows * block, : columns * block]
    return cv2.resize(cut, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float64)


def _gradients(plane: Plane) -> tuple[Plane, Plane]:
    # Scharr's 3 x 3 kernel is the most isotropic of its size; 1/32 makes it a derivative per pixel
    return cv2.Scharr(plane, cv2.CV_32F, 1, 0) / 32, cv2.Scharr(plane, cv2.CV_32F, 0, 1) / 32


def _shared(common: NDArray[np.float64], whole: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return the share of the gradients' energy that both pictures have in common, in [0.05, 1].

    Noise adds to the structure tensor but does not hold the motion; without this factor a step in a noisy picture would
    be too short, and its covariance too small.
    """
    return float(np.clip((weights * common).sum() / max(float((weights * whole).sum()), 1e-12), 0.05, 1))


def _step(
    plate: Plane, photo: Plane, gradient: tuple[Plane, Plane], matrix: Matrix, parameters: int, block: int
) -> tuple[Matrix, Matrix, float, int, float, NDArray[np.float64]]:
    height, width = photo.shape
    warped = cv2.warpPerspective(plate, matrix, (width, height), flags=cv2.INTER_CUBIC)
    inside = cv2.warpPerspective(np.ones_like(plate), matrix, (width, height), flags=cv2.INTER_NEAREST)
    gx, gy = _gradients(warped)
    common = block_sums((gx * gradient[0] + gy * gradient[1]) * inside, block)
    gx, gy = (gx + gradient[0]) / 2 * inside, (gy + gradient[1]) / 2 * inside
    rest = (photo - warped) * inside
    sums = {
        "xx": block_sums(gx * gx, block),
        "xy": block_sums(gx * gy, block),
        "yy": block_sums(gy * gy, block),
        "xr": block_sums(gx * rest, block),
        "yr": block_sums(gy * rest, block),
        "rr": block_sums(rest * rest, block),
    }
    energy = block_sums(photo * photo * inside, block), block_sums(warped * warped * inside, block)
    product = block_sums(photo * warped * inside, block)
    whole = block_sums(inside, block) > 0.98
    weights = _weights(sums["rr"], product, energy, whole)
    count = int((weights > 0.05 * weights.max(initial=0)).sum())

    rows, columns = weights.shape
    y, x = np.mgrid[0:rows, 0:columns]
    points = np.stack([x.ravel() * block + (block - 1) / 2, y.ravel() * block + (block - 1) / 2], 1)
    scale = centring(height, width)[0, 0]
    centred = points * scale + centring(height, width)[:2, 2]
    basis = displacement_basis(centred)[:, :, :parameters] / scale  # pixels per unit of parameter
    tensor = np.stack([sums["xx"], sums["xy"], sums["xy"], sums["yy"]], -1).reshape(-1, 2, 2) * block**2
    force = np.stack([sums["xr"], sums["yr"]], -1).reshape(-1, 2) * block**2
    share = weights.ravel()
    prior = np.diag(1 / _PRIOR[:parameters] ** 2)
    tensor = tensor * _shared(common, sums["xx"] + sums["yy"], weights)
    curvature = np.einsum("n,nik,nij,njl->kl", share, basis, tensor, basis) + prior * 1e-3
    score = np.einsum("n,nik,ni->nk", share, basis, force)
    step = -np.linalg.solve(curvature, score.sum(0))
    left = score + np.einsum("n,nik,nij,njl,l->nk", share, basis, tensor, basis, step)
    inverse = np.linalg.inv(curvature)
    spread = max(1.0, count / max(count - parameters, 1))
    covariance = np.zeros((8, 8))
    covariance[:parameters, :parameters] = inverse @ (left.T @ left * spread + prior * 1e-3) @ inverse
    full = np.zeros(8)
    full[:parameters] = step
    likeness = float((share * product.ravel()).sum()) / max(
        float(np.sqrt((share * energy[0].ravel()).sum() * (share * energy[1].ravel()).sum())), 1e-12
    )
    moved = float(np.abs(displacement_basis(np.array([[-0.7, -0.7], [0.7, 0.7], [0, 0]])) @ full).max() / scale)
    return full, covariance, likeness, count, moved, weights


def _weights(
    rest: NDArray[np.float64],
    product: NDArray[np.float64],
    energy: tuple[NDArray[np.float64], NDArray[np.float64]],
    whole: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Weigh blocks by their own residual; those that hold structure which the other picture lacks have none.

    The residual's variance in a block is noise and misfit together, so 1/variance is the block's weight in maximum
    likelihood. A block of the object has strong structure in the photo and no likeness.
    """
    if not whole.any():
        return np.zeros_like(rest)
    floor = float(np.percentile(rest[whole], 20)) + 1e-12
    likeness = product / np.sqrt(np.maximum(energy[0] * energy[1], 1e-24))
    strong = np.maximum(energy[0], energy[1]) > 3 * floor
    foreign = strong & (likeness < 0.25)
    outlying = rest > 25 * float(np.median(rest[whole]))
    weights = whole / np.maximum(rest, floor)
    weights[foreign | outlying] = 0
    return weights
