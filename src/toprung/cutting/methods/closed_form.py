"""Plain mattes in the band of the mask, blind to the plate: closed form, and PyMatting's KNN and learning-based."""

from __future__ import annotations

import numpy as np

from toprung.cutting.matte.band import band_alpha, crop_of
from toprung.cutting.matte.pymatting_library import pymatting
from toprung.cutting.methods.materials import Materials
from toprung.cutting.methods.registry import method
from toprung.cutting.scene import Alpha
from toprung.cutting.trimap import OBJECT, UNKNOWN


@method("closed-form", "closed-form matting in the band of the mask (Levin 2008), blind to the plate", default=False)
def closed_form(materials: Materials) -> Alpha | None:
    """Return the closed-form matte of the photo; None without mask and trimap."""
    if materials.given_trimap is None and materials.mask is None:
        return None
    mask = materials.empty() if materials.mask is None else materials.mask
    return band_alpha(materials.rgb, materials.trimap_of(mask))


@method("knn", "KNN matting in the band (Chen 2013), by PyMatting", default=False)
def knn(materials: Materials) -> Alpha | None:
    """Return the KNN matte."""
    return _by_pymatting(materials, "estimate_alpha_knn")


@method("learning-based", "learning-based matting in the band (Zheng 2009), by PyMatting", default=False)
def learning_based(materials: Materials) -> Alpha | None:
    """Return the learning-based matte."""
    return _by_pymatting(materials, "estimate_alpha_lbdm")


def _by_pymatting(materials: Materials, function: str) -> Alpha | None:
    if materials.given_trimap is None and materials.mask is None:
        return None
    mask = materials.empty() if materials.mask is None else materials.mask
    trimap = materials.trimap_of(mask)
    alpha = (trimap == OBJECT).astype(np.float32)
    if not (trimap == UNKNOWN).any():
        return alpha
    window = crop_of(trimap)
    part = trimap[window]
    shares = np.choose(part, (0.0, 0.5, 1.0))
    if not ((shares == 0).any() and (shares == 1).any()):
        return band_alpha(materials.rgb, trimap)
    solved = getattr(pymatting(), function)(materials.rgb[window].astype(np.float64), shares)
    alpha[window] = np.where(part == UNKNOWN, solved, alpha[window])
    return np.clip(alpha, 0, 1)
