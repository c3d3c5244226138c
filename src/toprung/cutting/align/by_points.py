"""An alignment from point pairs that a person made."""

from __future__ import annotations

import numpy as np

from toprung.cutting.align.alignment import Alignment
from toprung.cutting.align.laying import lay_plate
from toprung.cutting.align.point_fit import fit_points
from toprung.cutting.align.points import PointPairs
from toprung.cutting.scene import RGB


def align_by_points(plate: RGB, photo: RGB, pairs: PointPairs) -> Alignment:
    """Return the alignment that point pairs support; the pictures only tell the exposure and the residual.

    Args:
        plate: ``(h, w, 3)`` float32 sRGB in [0, 1].
        photo: ``(H, W, 3)`` float32 sRGB in [0, 1].
        pairs: in pixels of these two pictures.

    Raises:
        CutoutError: a point lies outside its picture.
    """
    fit = fit_points(pairs.inside(plate.shape, photo.shape), plate.shape, photo.shape)
    if fit.problem:
        height, width = photo.shape[:2]
        return Alignment(
            matrix=fit.matrix,
            aligned=None,
            valid=np.zeros((height, width), bool),
            expected_error_px=fit.expected_error_px,
            status="not aligned",
            model=fit.model,
            method="points",
            inliers=int(fit.agreeing.sum()),
            overlap=0.0,
            gain=np.ones(3),
            offset=np.zeros(3),
            residual=np.zeros((height, width), np.float32),
            reason=fit.problem,
        )
    laid = lay_plate(plate, photo, fit.matrix)
    return Alignment(
        matrix=fit.matrix,
        aligned=laid.aligned,
        valid=laid.valid,
        expected_error_px=fit.expected_error_px,
        status="aligned",
        model=fit.model,
        method="points",
        inliers=int(fit.agreeing.sum()),
        overlap=laid.overlap,
        gain=laid.gain,
        offset=laid.offset,
        residual=laid.residual,
    )
