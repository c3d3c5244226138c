"""Alpha in the band of a trimap: each pixel's own evidence, made consistent by the matting Laplacian."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import cg

from toprung.cutting.matte.laplacian import matting_laplacian
from toprung.cutting.scene import RGB, Alpha
from toprung.cutting.trimap import OBJECT, UNKNOWN, Trimap


def band_alpha(
    rgb: RGB,
    trimap: Trimap,
    guess: NDArray[np.float32] | None = None,
    confidence: NDArray[np.float32] | None = None,
    strength: float = 0.05,
) -> Alpha:
    """Solve (L + D) α = D·guess in the band, with alpha fixed outside it.

    Args:
        rgb: ``(H, W, 3)`` the photo.
        trimap: ``(H, W)``.
        guess: ``(n,)`` alpha of the n unknown pixels in row order; None for plain closed-form matting.
        confidence: ``(n,)`` in [0, 1].
        strength: weight of a fully confident guess.

    Returns:
        ``(H, W)`` float32; 0 and 1 outside the band.
    """
    unknown = trimap == UNKNOWN
    alpha = (trimap == OBJECT).astype(np.float32)
    if not unknown.any():
        return alpha
    if min(trimap.shape) < 3:
        alpha[unknown] = 0.5 if guess is None else guess
        return alpha
    laplacian, pixels = matting_laplacian(rgb, unknown)
    free = unknown.ravel()[pixels]
    fixed = alpha.ravel()[pixels[~free]].astype(np.float64)
    inner = laplacian[free][:, free]
    right = -laplacian[free][:, ~free] @ fixed
    if guess is not None and confidence is not None:
        weight = strength * confidence.astype(np.float64) + 1e-7
        start = guess.astype(np.float64)
    else:
        weight, start = np.full(int(free.sum()), 1e-7), np.full(int(free.sum()), 0.5)
    inner = inner + sparse.diags(weight)
    right = right + weight * start
    scale = sparse.diags(1 / np.maximum(inner.diagonal(), 1e-9))
    solved, _ = cg(inner, right, x0=start, rtol=1e-3, maxiter=300, M=scale)
    alpha[unknown] = np.clip(solved, 0, 1)
    return alpha


def crop_of(trimap: Trimap, margin: int = 24) -> tuple[slice, slice]:
    """Return the smallest window that holds the band, with a margin."""
    x, y, width, height = cv2.boundingRect((trimap == UNKNOWN).astype(np.uint8))
    return (
        slice(max(0, y - margin), min(trimap.shape[0], y + height + margin)),
        slice(max(0, x - margin), min(trimap.shape[1], x + width + margin)),
    )
