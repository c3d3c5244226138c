"""The light on the object in the second photo against the first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.foreground.encodings import ENCODINGS
from toprung.cutting.scene import RGB

Floats = NDArray[np.float32]

_LEAST = 50  # pixels without which no gain is estimated
_USUAL = 0.12  # natural logarithm of a gain that a camera changes by between two photos
_CLOSE = 0.04  # of the ratios that count as one


def object_gain(rgb1: RGB, rgb2: RGB, opaque: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return by what the second photo's linear light must be multiplied to look like the first on the object.

    Opaque pixels all have one ratio of red, green and blue; where the grounds shine through, ratios lie scattered. So
    the answer is the densest place among the ratios, a little drawn to what cameras do.

    Args:
        rgb1, rgb2: ``(H, W, 3)`` float32 sRGB.
        opaque: ``(H, W)`` bool, where the object is and may let nothing through.

    Returns:
        Factors of red, green and blue; 1 each where too few pixels tell.

    Source:
        Mean shift: Comaniciu & Meer 2002.
    """
    import cv2

    light = ENCODINGS["linear"].mixed
    a, b = (np.asarray(cv2.blur(rgb, (5, 5)), np.float32)[opaque] for rgb in (rgb1, rgb2))
    fit = ((np.minimum(a, b) > 0.08) & (np.maximum(a, b) < 0.97)).all(axis=1)
    if int(fit.sum()) < _LEAST:
        return 1.0, 1.0, 1.0
    few = slice(None, None, max(1, int(fit.sum()) // 4000))
    ratios = np.log(light(a[fit][few]) / light(b[fit][few])).astype(np.float64)
    ratios = ratios[np.abs(ratios).max(axis=1) < 4 * _USUAL]
    if ratios.shape[0] < _LEAST:
        return 1.0, 1.0, 1.0
    best, most = np.zeros(3), 0.0
    for start in ratios[:: max(1, ratios.shape[0] // 40)]:
        place = start
        for _ in range(12):
            near = np.exp(-((ratios - place) ** 2).sum(axis=1) / (2 * _CLOSE**2))
            place = (near[:, None] * ratios).sum(axis=0) / near.sum()
        density = float(near.sum()) * float(np.exp(-(place**2).sum() / (2 * 3 * _USUAL**2)))
        if density > most:
            best, most = place, density
    red, green, blue = (float(factor) for factor in np.exp(best))
    return red, green, blue


def with_gain(rgb: RGB, gain: tuple[float, float, float]) -> RGB:
    """Return the picture with its linear light multiplied per channel, sRGB again; not clipped above."""
    if gain == (1.0, 1.0, 1.0):
        return rgb
    way = ENCODINGS["linear"]
    return way.encoded(way.mixed(rgb) * np.asarray(gain, np.float32))
