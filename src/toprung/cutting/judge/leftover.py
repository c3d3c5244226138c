"""Background that was kept: pixels with alpha that look like the background."""

from __future__ import annotations

import numpy as np

from toprung.cutting.judge.evidence import Map
from toprung.cutting.judge.registry import measure
from toprung.cutting.judge.view import View


@measure("kept_background")
def kept_background(view: View) -> Map:
    """Alpha of the pixels that fit the background, near the outline: a rim of paper, a halo."""
    return view.alpha * view.evidence.is_background * view.band


@measure("kept_inside")
def kept_inside(view: View) -> Map:
    """The same away from the outline, where patches wider than a hundredth of the side fit it: closed holes."""
    import cv2

    size = 2 * max(1, round(0.4 * view.evidence.unit)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    patches = cv2.morphologyEx(view.evidence.is_background, cv2.MORPH_OPEN, kernel)
    return np.asarray(view.alpha * patches * (1 - view.band))


@measure("kept_shadow")
def kept_shadow(view: View) -> Map:
    """Alpha of the pixels that are the background but darker."""
    return view.alpha * (view.evidence.is_object - view.evidence.is_object_or_lit).clip(0)


@measure("halo")
def halo(view: View) -> Map:
    """What shows on a contrasting colour: the share of the background's colour in the kept pixels of the band.

    The cutout is laid on a colour far from both the object's and the background's; there the photo's own background
    shines through where alpha is larger than the colours imply, by (α − implied) |B − contrast|, in sRGB.
    """
    evidence = view.evidence
    contrast = contrasting(evidence.background.rgb, view.inside_colour, view.band)
    shows = np.sqrt(((evidence.background.rgb - contrast) ** 2).mean(2))
    return (view.alpha - view.implied).clip(0) * view.reliability * view.band * shows


def contrasting(background: np.ndarray, inside: np.ndarray, band: Map) -> np.ndarray:
    """Return the corner of the colour cube farthest from both the band's background and the object's colours."""
    where = band > 0
    if not where.any():
        return np.array([0, 0, 1], np.float32)
    seen = np.stack([background[where].mean(0), inside[where].mean(0)])
    corners = np.array([[r, g, b] for r in (0, 1) for g in (0, 1) for b in (0, 1)], np.float32)
    apart = ((corners[:, None] - seen[None]) ** 2).sum(2).min(1)
    return corners[int(apart.argmax())]
