"""The matte of a scene whose background is known, from a soft mask."""

from __future__ import annotations

import cv2
import numpy as np

from toprung.cutting.evidence import evidence
from toprung.cutting.light import light_factor, lit
from toprung.cutting.matte.band import band_alpha
from toprung.cutting.matte.known_background import known_background_alpha
from toprung.cutting.reduced import reduced_scene, window_of
from toprung.cutting.scene import Alpha, Scene
from toprung.cutting.transmission import see_through
from toprung.cutting.trimap import BACKGROUND, OBJECT, UNKNOWN, Trimap, trimap_from_mask

_REACH = 6.0  # pixels: the window in which a background's structure is looked for in the photo
_MARGIN = 0.1  # share of the longer side around the object: ground enough to see its light there
_SLOW, _SHADE = 0.06, 0.012  # reach of slow light, and of the shade beside the object, in shares of the longer side


def plate_matte(scene: Scene, mask: Alpha, mask_scale: float = 1.0, given: Trimap | None = None) -> Alpha:
    """Refine a soft mask into a matte with the known background.

    Args:
        scene: with its background.
        mask: ``(H, W)`` soft mask.
        mask_scale: photo pixels to one pixel of the mask when it was found; the band is at least so wide.
        given: a trimap from the user, instead of one around the mask.
    """
    alpha = np.zeros(mask.shape, np.float32)
    wanted = mask > 0.05 if given is None else given != BACKGROUND
    if not wanted.any():
        return alpha
    window = window_of(wanted, _MARGIN)
    part = None if given is None else given[window]
    background = None if scene.background is None else scene.background.part(window)
    alpha[window] = _matte(Scene(scene.rgb[window], background, scene.name), mask[window], mask_scale, part)
    return alpha


def _matte(scene: Scene, mask: Alpha, mask_scale: float, given: Trimap | None) -> Alpha:
    background = scene.background
    assert background is not None
    small, scale = reduced_scene(scene)
    assert small.background is not None
    low = cv2.resize(mask, small.rgb.shape[1::-1], interpolation=cv2.INTER_AREA)
    relit = lit(background, light_factor(evidence(small.rgb, small.background, 0.8, 1 / scale), low, _SLOW))
    found = evidence(scene.rgb, relit, 0.7)
    trimap = trimap_from_mask(mask, found, 1.5 * mask_scale + 1) if given is None else given.copy()
    shaded = lit(relit, light_factor(found, (trimap != BACKGROUND).astype(np.float32), _SHADE))
    del found, relit
    sure = trimap == OBJECT
    through, clear = see_through(scene.rgb, shaded, sure, _REACH) if given is None else (np.zeros_like(sure), None)
    trimap[through] = UNKNOWN
    unknown = trimap == UNKNOWN
    guess, confidence = known_background_alpha(scene.rgb, shaded.rgb, shaded.sigma, trimap == OBJECT, unknown)
    if clear is not None:
        guess = np.where(through[unknown], clear[unknown], guess)
        confidence = np.where(through[unknown], np.float32(1), confidence)
    return band_alpha(scene.rgb, trimap, guess, confidence)
