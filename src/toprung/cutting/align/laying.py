"""Lay a plate over a photo by a known transform, with the exposure made equal, and see what differs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.scene import RGB

_SAMPLES = 60_000  # pixels that the exposure is estimated from
_GAIN_PRIOR = 0.15  # standard deviation of a gain around 1; counts on blank paper, where the pixels do not tell it
_NOISE = 0.01  # least scale of the differences, in sRGB units
_TUKEY = 4.685


@dataclass(frozen=True)
class Laid:
    """A plate in a photo's frame.

    Attributes:
        aligned: ``(H, W, 3)`` float32 sRGB, the plate warped and of the photo's exposure; 0 where not valid.
        valid: ``(H, W)`` bool, where the plate covers the photo.
        overlap: share of the photo that it covers.
        gain: ``(3,)`` float64, factor of the plate's channels.
        offset: ``(3,)`` float64, added after the gain.
        residual: ``(H, W)`` float32, root mean square over channels of photo − aligned; 0 where not valid.
    """

    aligned: RGB
    valid: NDArray[np.bool_]
    overlap: float
    gain: NDArray[np.float64]
    offset: NDArray[np.float64]
    residual: NDArray[np.float32]


def lay_plate(plate: RGB, photo: RGB, matrix: NDArray[np.float64]) -> Laid:
    """Warp the plate into the photo's frame and make its exposure that of the photo.

    Args:
        plate: ``(h, w, 3)`` float32 sRGB in [0, 1].
        photo: ``(H, W, 3)`` float32 sRGB in [0, 1].
        matrix: ``(3, 3)``: plate pixel → photo pixel, centres at integers.
    """
    import cv2

    height, width = photo.shape[:2]
    warped = cv2.warpPerspective(plate, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpPerspective(np.full(plate.shape[:2], 255, np.uint8), matrix, (width, height))
    valid = cover == 255
    gain, offset = match_exposure(warped, photo, valid)
    aligned = np.clip(warped * gain.astype(np.float32) + offset.astype(np.float32), 0, 1)
    aligned[~valid] = 0
    residual = np.sqrt(np.square(photo - aligned).mean(axis=2, dtype=np.float32))
    residual[~valid] = 0
    return Laid(aligned, valid, float(valid.mean()), gain, offset, residual)


def match_exposure(
    plate: RGB, photo: RGB, valid: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return gain and offset per channel that bring the plate to the photo's exposure, blind to the object.

    A robust line through pairs of values, by iterated reweighting (Tukey's biweight) from the median difference;
    clipped values are left out. Where the plate has one colour only, the prior keeps the gain at 1.

    Args:
        plate: ``(H, W, 3)`` in the photo's frame.
        photo: ``(H, W, 3)``.
        valid: ``(H, W)``, where the plate covers the photo.

    Source:
        Beaton & Tukey 1974; Holland & Welsch 1977, "Robust regression using iteratively reweighted least-squares".
    """
    step = max(1, round((valid.size / _SAMPLES) ** 0.5))
    chosen = valid[::step, ::step]
    from_, to = plate[::step, ::step][chosen].astype(np.float64), photo[::step, ::step][chosen].astype(np.float64)
    gain, offset = np.ones(3), np.zeros(3)
    for channel in range(3):
        x, y = from_[:, channel], to[:, channel]
        inside = (x > 0.02) & (x < 0.98) & (y > 0.02) & (y < 0.98)
        if inside.sum() >= 20:
            gain[channel], offset[channel] = _robust_line(x[inside], y[inside])
    return gain, offset


def _robust_line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    middle = float(np.median(x))
    x = x - middle
    slope, level = 1.0, float(np.median(y - x))
    for _ in range(20):
        rest = y - level - slope * x
        scale = max(1.4826 * float(np.median(np.abs(rest))), _NOISE)
        weight = np.square(np.clip(1 - np.square(rest / (_TUKEY * scale)), 0, None))
        total = float(weight.sum())
        mean_x, mean_y = float(weight @ x) / total, float(weight @ y) / total
        hold = (scale / _GAIN_PRIOR) ** 2
        before, slope = slope, (float(weight @ ((x - mean_x) * (y - mean_y))) + hold) / (
            float(weight @ np.square(x - mean_x)) + hold
        )
        level = mean_y - slope * mean_x
        if abs(slope - before) < 1e-6:
            break
    return slope, level - slope * middle
