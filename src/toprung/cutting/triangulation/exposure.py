"""The light on the object in the second photo against the first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.foreground.encodings import ENCODINGS
from toprung.cutting.scene import RGB

Floats = NDArray[np.float32]

_LEAST = 100  # pixels without which no gain is estimated
_LARGEST = 0.35  # natural logarithm of a gain that is believed


def object_gain(rgb1: RGB, rgb2: RGB, opaque: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return by what the second photo's linear light must be multiplied to look like the first on the object.

    Args:
        rgb1, rgb2: ``(H, W, 3)`` float32 sRGB.
        opaque: ``(H, W)`` bool, where the object is and lets nothing through.

    Returns:
        Factors of red, green and blue; 1 each where too few pixels tell or they tell different things.
    """
    light = ENCODINGS["linear"].mixed
    gains = []
    for channel in range(3):
        a, b = rgb1[..., channel][opaque], rgb2[..., channel][opaque]
        fit = (a > 0.1) & (b > 0.1) & (a < 0.98) & (b < 0.98)
        ratio = np.log(light(a[fit]) / light(b[fit]))
        ratio = ratio[np.abs(ratio) < _LARGEST]
        if ratio.size < _LEAST:
            gains.append(np.nan)
            continue
        middle = float(np.median(ratio))
        scatter = float(np.median(np.abs(ratio - middle)))
        gains.append(middle if scatter < 0.12 else np.nan)
    known = [gain for gain in gains if np.isfinite(gain)]
    other = float(np.mean(known)) if known else 0.0
    red, green, blue = (float(np.exp(gain if np.isfinite(gain) else other)) for gain in gains)
    return red, green, blue


def exposed(rgb: RGB, gain: tuple[float, float, float]) -> RGB:
    """Return the picture with its linear light multiplied per channel, sRGB again; not clipped above."""
    if gain == (1.0, 1.0, 1.0):
        return rgb
    way = ENCODINGS["linear"]
    return way.encoded(way.mixed(rgb) * np.asarray(gain, np.float32))
