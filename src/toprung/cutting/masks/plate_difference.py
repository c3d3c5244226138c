"""The mask from the difference to a known background: evidence of each pixel, settled with its neighbours.

Where a pixel could be object as well as shadow, its neighbours decide: labels spread through smooth changes of light
and stop at sharp ones (random walks, Grady 2006), so the penumbra joins the ground and a grey object on grey paper does
not.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import cg

from toprung.cutting.enclosed import fill_object_like
from toprung.cutting.evidence import Evidence, evidence
from toprung.cutting.light import light_factor, lit
from toprung.cutting.masks.registry import masker
from toprung.cutting.reduced import reduced_scene
from toprung.cutting.scene import Alpha, Scene

Plane = NDArray[np.float32]
_SLOW = 0.06  # reach of slow light, in shares of the longer side
_PLAIN_DIFFERENCE, _FAINT_PULL = 0.25, 0.02


@masker("plate-difference")
def plate_difference(scene: Scene) -> Alpha:
    """Return the soft mask of what differs from the background, shadows allowed for.

    Args:
        scene: with a background from a plate or from the border; without one the mask is empty.
    """
    height, width = scene.rgb.shape[:2]
    if scene.background is None or not scene.background.valid.any():
        return np.zeros((height, width), np.float32)
    small, scale = reduced_scene(scene)
    assert small.background is not None
    first = evidence(small.rgb, small.background, 0.8, 1 / scale)
    relit = lit(small.background, light_factor(first, settle(first), _SLOW))
    second = evidence(small.rgb, relit, 0.8, 1 / scale)
    found = fill_object_like(settle(second), second)
    return np.clip(cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR), 0, 1)


def settle(found: Evidence) -> Alpha:
    """Return each pixel's probability of being object, given its own evidence and that of its neighbours."""
    height, width = found.likelihood.shape
    if min(height, width) < 3:
        return (found.likelihood > 0).astype(np.float32)
    chance = (found.likelihood > 0).astype(np.float32)
    pull = 0.3 * np.abs(found.likelihood) / 12 + 0.001
    # A faint difference may be a reflection or a glow on the ground, which fades; the object's ends at an edge.
    strength = np.sqrt((found.ratio**2).mean(2)) / _PLAIN_DIFFERENCE
    pull = np.where(found.likelihood > 0, pull * np.minimum(1, strength**2 + _FAINT_PULL), pull)
    # darker with the background's tint: shadow or object, left to the neighbours
    shade = (found.light < -2.5 * found.light_sigma) & (found.light > -0.5) & (found.tint < 3)
    pull = np.where(shade, 0.01, pull)
    chance = np.where(shade, 0.1, chance)
    laplacian = _grid(found)
    diagonal = sparse.diags(pull.ravel().astype(np.float64))
    start = cv2.GaussianBlur(chance.astype(np.float32), (0, 0), 2.0).ravel()
    system = (laplacian + diagonal).tocsr()
    inverse = sparse.diags(1 / system.diagonal())
    solved, _ = cg(system, (pull * chance).ravel().astype(np.float64), x0=start, rtol=2e-3, maxiter=250, M=inverse)
    return np.clip(solved.reshape(height, width), 0, 1).astype(np.float32)


def _grid(found: Evidence) -> sparse.csr_matrix:
    """Return the Laplacian of the grid of pixels; an edge is weak where the ratio to the background jumps."""
    height, width = found.likelihood.shape
    index = np.arange(height * width).reshape(height, width)
    rows, columns, values = [], [], []
    for first, second in (
        ((slice(None), slice(0, -1)), (slice(None), slice(1, None))),
        ((slice(0, -1), slice(None)), (slice(1, None), slice(None))),
    ):
        jump = np.sqrt(((found.ratio[first] - found.ratio[second]) ** 2).mean(2))
        unit = 2.0 * np.maximum(found.noise[first], found.noise[second]) + 0.006
        weight = np.exp(-((jump / unit) ** 2)) + 2e-3
        rows.append(index[first].ravel())
        columns.append(index[second].ravel())
        values.append(weight.ravel().astype(np.float64))
    row, column, value = np.concatenate(rows), np.concatenate(columns), np.concatenate(values)
    count = height * width
    links = sparse.coo_matrix((value, (row, column)), shape=(count, count)).tocsr()
    links = links + links.T
    return (sparse.diags(np.asarray(links.sum(1)).ravel()) - links).tocsr()
