"""What aligning a plate to a photo found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.scene import RGB


@dataclass(frozen=True)
class Alignment:
    """A transform from a plate to a photo, and how far to trust it.

    Attributes:
        matrix: ``(3, 3)`` float64: plate pixel → photo pixel, x right, y down, pixel centres at integers.
        aligned: ``(H, W, 3)`` float32 sRGB: the plate in the photo's frame with its exposure corrected; None when not
            aligned.
        valid: ``(H, W)`` bool: where the plate covers the photo.
        expected_error_px: expected mean displacement error of the photo's corners, in photo pixels.
        status: "aligned" or "not aligned".
        model: "translation", "similarity", "affine" or "homography".
        method: how it was found.
        inliers: pixels or pairs that the transform rests on.
        overlap: share of the photo that the plate covers.
        gain: ``(3,)`` factor of the plate's channels, in sRGB values, to the photo's exposure.
        offset: ``(3,)`` added after the gain.
        residual: ``(H, W)`` float32: root mean square over channels of photo − ``aligned``, 0 where not valid.
        reason: why it was refused, or "".
    """

    matrix: NDArray[np.float64]
    aligned: RGB | None
    valid: NDArray[np.bool_]
    expected_error_px: float
    status: str
    model: str
    method: str
    inliers: int
    overlap: float
    gain: NDArray[np.float64]
    offset: NDArray[np.float64]
    residual: NDArray[np.float32]
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether the transform can be used."""
        return self.status == "aligned"
