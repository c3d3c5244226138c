"""The background under a photo from its aligned plate, with what noise and misalignment leave uncertain."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.align.alignment import Alignment
from toprung.cutting.scene import RGB, Background

_BLOWN = 0.05  # sRGB


def plate_background(rgb: RGB, alignment: Alignment) -> Background:
    """Return the plate as a background of the photo.

    The variance of photo − plate on background is noise² + misalignment²·|∇plate|²; both factors are read off the
    quieter half of the pictures' pixels, which the object does not cover.

    Args:
        rgb: ``(H, W, 3)`` the photo.
        alignment: with status "aligned".
    """
    assert alignment.aligned is not None
    plate = alignment.aligned
    rest = np.sqrt(((rgb - plate) ** 2).mean(2))
    grey = cv2.cvtColor(plate, cv2.COLOR_RGB2GRAY)
    slope = np.hypot(cv2.Scharr(grey, cv2.CV_32F, 1, 0), cv2.Scharr(grey, cv2.CV_32F, 0, 1)) / 32
    step = max(1, int(np.sqrt(rest.size / 200_000)))
    quiet, per_slope = _noise(rest[::step, ::step], slope[::step, ::step], alignment.valid[::step, ::step])
    shift = max(per_slope, 0.5 * alignment.expected_error_px)
    slope = cv2.blur(slope, (3, 3))
    # where the plate was overexposed, its light is only known from below
    top = (0.98 * alignment.gain + alignment.offset).astype(np.float32)
    blown = (plate >= np.minimum(top, 0.999)).any(2)
    sigma = np.sqrt(quiet**2 + (shift * slope) ** 2 + (_BLOWN * blown) ** 2).astype(np.float32)
    return Background(plate, sigma, alignment.valid, "plate")


def _noise(rest: NDArray, slope: NDArray, valid: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the noise of flat pixels and the factor on the gradient, in sRGB units and pixels."""
    values, slopes = rest[valid], slope[valid]
    if values.size < 100:
        return 2 / 255, 0.3
    flat = values[slopes <= np.quantile(slopes, 0.6)]
    # The root mean square of three Gaussian channels has the median 0.888 of their standard deviation; a quarter of the
    # flat pixels may be the object's or in shadow, so the lower quartile (0.636) is read.
    quiet = max(float(np.quantile(flat, 0.25)) / 0.636, 0.7 / 255)
    steep = slopes > max(np.quantile(slopes, 0.8), quiet)
    if steep.sum() < 100:
        return quiet, 0.3
    lower = float(np.quantile(values[steep], 0.25)) / 0.636
    excess = max(lower**2 - quiet**2, 0.0)
    return quiet, float(np.clip(np.sqrt(excess) / float(np.median(slopes[steep])), 0.05, 1.0))
