"""How much of a structured background shines through each place of a photo.

I = αF + (1 − α)B. Where the background has structure and the object in front of it is smooth, the photo's fine
structure is (1 − α) times the background's: their regression over a window gives 1 − α without any knowledge of
F. Glass, veils and smoke show it; an opaque object of whatever colour shows none.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.scene import RGB, Background

Plane = NDArray[np.float32]
_LEAST_STRUCTURE = 0.02  # share of pixels whose structure stands above the noise


def transmission(rgb: RGB, background: Background, within: NDArray[np.bool_], reach: float) -> tuple[Plane, Plane]:
    """Return the share of the background that shines through, and its standard error.

    Args:
        rgb: ``(H, W, 3)`` photo.
        background: in the same frame.
        within: ``(H, W)`` bool: the pixels whose structure counts, so that bare ground beside an object does not.
        reach: standard deviation of the window in pixels.

    Returns:
        Two ``(H, W)`` float32: the share, clipped to [0, 1], and its standard error, clipped to at most 10.
    """
    front, back = (_fine(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), reach) for picture in (rgb, background.rgb))
    counted = within.astype(np.float32)
    amount = cv2.GaussianBlur(counted, (0, 0), reach)
    cross = cv2.GaussianBlur(front * back * counted, (0, 0), reach)
    power = cv2.GaussianBlur(back * back * counted, (0, 0), reach)
    energy = cv2.GaussianBlur(front * front * counted, (0, 0), reach)
    # the plate's own noise is structure that the photo lacks, and would pull the regression towards 0
    noise = cv2.GaussianBlur((0.5 * background.sigma) ** 2 * counted, (0, 0), reach)
    signal = np.maximum(power - noise, 1e-9)
    share = cross / signal
    left = np.maximum(energy - share * cross, 0) + noise
    # neighbouring fine structure is correlated over a few pixels
    samples = np.maximum(4 * np.pi * reach**2 / 6 * amount, 1.0)
    error = np.sqrt(left / signal / samples)
    return np.clip(share, 0, 1), np.minimum(error, 10).astype(np.float32)


def see_through(rgb: RGB, background: Background, sure: NDArray[np.bool_], reach: float) -> tuple[NDArray, Plane]:
    """Return which of the surely different pixels let the background through, and their alpha.

    Args:
        rgb: ``(H, W, 3)`` photo.
        background: in the same frame.
        sure: ``(H, W)`` bool, taken for object.
        reach: window in pixels.

    Returns:
        ``(H, W)`` bool and ``(H, W)`` float32 alpha, of use where the first is True.
    """
    structure = background.sigma * 2 < np.abs(_fine(cv2.cvtColor(background.rgb, cv2.COLOR_RGB2GRAY), reach))
    if float(structure[sure].mean() if sure.any() else 0) < _LEAST_STRUCTURE:
        return np.zeros_like(sure), np.ones(sure.shape, np.float32)
    share, error = transmission(rgb, background, sure, reach)
    through = sure & (error < 0.1) & (share > 0.1 + 3 * error)
    # single spots are chance; a pane is wider than the window
    side = 2 * round(reach / 2) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    through = cv2.morphologyEx(through.astype(np.uint8), cv2.MORPH_OPEN, disc) > 0
    return through, 1 - share


def _fine(plane: Plane, reach: float) -> Plane:
    return cv2.GaussianBlur(plane, (0, 0), 0.8) - cv2.GaussianBlur(plane, (0, 0), reach)
