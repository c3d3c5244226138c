"""Which pixels show nothing but ground, perhaps in the object's shadow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.scene import RGB, Background

Floats = NDArray[np.float32]

_DARKEST, _BRIGHTEST = 0.5, 1.12  # light of a shadow, and of a misjudged exposure


def shadow_misfit(rgb: RGB, background: Background, noise: Floats) -> tuple[Floats, Floats]:
    """Return how badly each pixel is the ground in another light, and that light.

    Args:
        rgb: ``(H, W, 3)`` float32 sRGB.
        background: its ground.
        noise: ``(H, W)`` float32 standard deviation per channel.

    Returns:
        ``(H, W)`` float32 squared colour difference over its variance, per degree of freedom (2), and ``(H, W)``
        float32 factor.
    """
    bare = background.rgb
    light = np.einsum("hwc,hwc->hw", rgb, bare) / np.maximum(np.einsum("hwc,hwc->hw", bare, bare), 1e-4)
    rest = rgb - light[..., None] * bare
    misfit = np.einsum("hwc,hwc->hw", rest, rest) / (2 * noise**2)
    beyond = np.maximum(_DARKEST - light, 0) + np.maximum(light - _BRIGHTEST, 0)
    return (misfit + (beyond / 0.02) ** 2).astype(np.float32), light.astype(np.float32)


def likely_ground(
    rgb1: RGB, background1: Background, rgb2: RGB, background2: Background, noise1: Floats, noise2: Floats
) -> NDArray[np.bool_]:
    """Return ``(H, W)`` bool: both photos show their own ground, up to a smooth light.

    A pixel of the object passes only where its colour is both grounds' in another light; where the two photos agree
    there in colour, it is the object's.
    """
    import cv2

    misfit1, light1 = shadow_misfit(rgb1, background1, noise1)
    misfit2, light2 = shadow_misfit(rgb2, background2, noise2)
    known1, known2 = background1.valid, background2.valid
    misfit = np.where(known1, misfit1, 0) + np.where(known2, misfit2, 0)
    together = cv2.blur(misfit / np.maximum(1, known1.astype(np.float32) + known2), (3, 3))
    alike = np.abs(cv2.blur(rgb1 - rgb2, (3, 3))).mean(axis=2)
    apart = np.abs(background1.rgb - background2.rgb).mean(axis=2)
    ground = (together < 4) & (known1 | known2)
    for light, noise, background in ((light1, noise1, background1), (light2, noise2, background2)):
        limit = 0.015 + 2.5 * noise / np.maximum(background.rgb.mean(2), 0.1)
        ground &= (np.abs(light - cv2.blur(light, (7, 7))) < limit) | ~background.valid
    both = known1 & known2
    ground &= ((alike > 0.4 * apart) & (np.abs(light1 - light2) < 0.35)) | ~both
    return cv2.erode(ground.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
