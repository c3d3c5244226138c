"""An alignment from point pairs that a person made."""

from __future__ import annotations

from toprung.cutting.align.align import place
from toprung.cutting.align.alignment import Alignment
from toprung.cutting.align.point_fit import fit_points
from toprung.cutting.align.points import PointPairs
from toprung.cutting.align.search import Found
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
    found = Found(
        matrix=fit.matrix,
        model=fit.model,
        method="points",
        expected_error=fit.expected_error_px,
        used=int(fit.agreeing.sum()),
        contrast=0.0,
        reason=fit.problem,
    )
    return place(plate, photo, found)
