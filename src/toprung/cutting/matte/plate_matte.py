"""The matte of a scene whose background is known, from a soft mask."""

from __future__ import annotations

import numpy as np

from toprung.cutting.evidence import evidence
from toprung.cutting.light import correct_light
from toprung.cutting.matte.band import band_alpha
from toprung.cutting.matte.known_background import known_background_alpha
from toprung.cutting.scene import Alpha, Scene
from toprung.cutting.transmission import see_through
from toprung.cutting.trimap import OBJECT, UNKNOWN, Trimap, trimap_from_mask

_REACH = 6.0  # pixels: the window in which a background's structure is looked for in the photo


def plate_matte(scene: Scene, mask: Alpha, mask_scale: float = 1.0, given: Trimap | None = None) -> Alpha:
    """Refine a soft mask into a matte with the known background.

    Args:
        scene: with its background.
        mask: ``(H, W)`` soft mask.
        mask_scale: photo pixels to one pixel of the mask when it was found; the band is at least so wide.
        given: a trimap from the user, instead of one around the mask.
    """
    background = scene.background
    assert background is not None
    found = evidence(scene.rgb, background, 0.7)
    relit = correct_light(background, found, mask)
    found = evidence(scene.rgb, relit, 0.7)
    trimap = trimap_from_mask(mask, found, spread=1.5 * mask_scale + 1) if given is None else given.copy()
    shaded = correct_light(relit, found, 1 - (trimap == 0).astype(np.float32), reach=0.012)
    sure = trimap == OBJECT
    through, clear = see_through(scene.rgb, shaded, sure, _REACH) if given is None else (np.zeros_like(sure), None)
    trimap[through] = UNKNOWN
    unknown = trimap == UNKNOWN
    guess, confidence = known_background_alpha(scene.rgb, shaded.rgb, shaded.sigma, trimap == OBJECT, unknown)
    if clear is not None:
        guess = np.where(through[unknown], clear[unknown], guess)
        confidence = np.where(through[unknown], np.float32(1), confidence)
    return band_alpha(scene.rgb, trimap, guess, confidence)
