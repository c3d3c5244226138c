"""The matte of a scene whose background is known, from a soft mask."""

from __future__ import annotations

import numpy as np

from toprung.cutting.evidence import evidence
from toprung.cutting.light import correct_light
from toprung.cutting.matte.band import band_alpha
from toprung.cutting.matte.known_background import known_background_alpha
from toprung.cutting.scene import Alpha, Scene
from toprung.cutting.trimap import OBJECT, UNKNOWN, trimap_from_mask


def plate_matte(scene: Scene, mask: Alpha, mask_scale: float = 1.0) -> Alpha:
    """Refine a soft mask into a matte with the known background.

    Args:
        scene: with its background.
        mask: ``(H, W)`` soft mask.
        mask_scale: photo pixels to one pixel of the mask when it was found; the band is at least so wide.
    """
    background = scene.background
    assert background is not None
    found = evidence(scene.rgb, background, 0.7)
    relit = correct_light(background, found, mask)
    found = evidence(scene.rgb, relit, 0.7)
    trimap = trimap_from_mask(mask, found, spread=1.5 * mask_scale + 1)
    shaded = correct_light(relit, found, 1 - (trimap == 0).astype(np.float32), reach=0.012)
    unknown = trimap == UNKNOWN
    guess, confidence = known_background_alpha(scene.rgb, shaded.rgb, shaded.sigma, trimap == OBJECT, unknown)
    return band_alpha(scene.rgb, trimap, guess, confidence)
