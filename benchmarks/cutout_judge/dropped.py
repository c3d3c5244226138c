"""Measures that were tried and did not earn a place in the judge; kept here so that the table can be made again."""

from __future__ import annotations

import cv2
import numpy as np

from toprung.cutting.judge.evidence import Map, ramp
from toprung.cutting.judge.view import View


def residual(view: View) -> Map:
    """What no alpha between the nearby colours explains: recomposition error in noise units, ramped, in the band."""
    off = np.sqrt(((_made(view) - view.evidence.rgb) ** 2).mean(2)) / view.evidence.noise
    return ramp(off, 2.0, 10.0) * view.band * view.evidence.background.valid


def halo(view: View) -> Map:
    """What shines through on a contrasting colour: (α − implied) |B − contrast|, in the band."""
    background = view.evidence.background.rgb
    where = view.band > 0
    if not where.any():
        return np.zeros_like(view.alpha)
    seen = np.stack([background[where].mean(0), view.inside_colour[where].mean(0)])
    corners = np.array([[r, g, b] for r in (0, 1) for g in (0, 1) for b in (0, 1)], np.float32)
    contrast = corners[int(((corners[:, None] - seen[None]) ** 2).sum(2).min(1).argmax())]
    shows = np.sqrt(((background - contrast) ** 2).mean(2))
    return (view.alpha - view.implied).clip(0) * view.reliability * view.band * shows


def lost_or_shadow(view: View) -> Map:
    """1 − alpha where the photo is not the background as it was, shadow or not."""
    return (1 - view.alpha) * view.evidence.is_object


def hardness(view: View) -> Map:
    """Steps of alpha larger than a half from one pixel to the next: an outline sharper than a lens draws."""
    across = np.abs(np.diff(view.alpha, axis=1, append=view.alpha[:, -1:]))
    down = np.abs(np.diff(view.alpha, axis=0, append=view.alpha[-1:]))
    return np.clip(2 * np.maximum(across, down) - 1, 0, 1)


def ssim(view: View) -> Map:
    """(1 − SSIM) / 2 of the grey recomposition with the photo in the band; Wang et al. 2004, 7 × 7 box."""
    made, seen, box = _made(view).mean(2), view.evidence.rgb.mean(2), (7, 7)
    mean_made, mean_seen = cv2.blur(made, box), cv2.blur(seen, box)
    variance = cv2.blur(made * made, box) - mean_made**2 + cv2.blur(seen * seen, box) - mean_seen**2
    covariance = cv2.blur(made * seen, box) - mean_made * mean_seen
    one, two = 0.01**2, 0.03**2
    similar = (2 * mean_made * mean_seen + one) * (2 * covariance + two)
    similar /= (mean_made**2 + mean_seen**2 + one) * (variance + two)
    return np.asarray(np.clip((1 - similar) / 2, 0, 1) * view.band * view.evidence.background.valid)


def histogram(view: View) -> Map:
    """Overlap of the colour histograms just inside and just outside the outline (8 bins a channel), on the band."""
    inside, outside = ((view.band > 0) & side for side in (view.alpha > 0.5, view.alpha <= 0.5))
    if not inside.any() or not outside.any():
        return np.zeros_like(view.alpha)
    bins = (view.evidence.rgb * 7.999).astype(np.int32)
    code = bins[..., 0] * 64 + bins[..., 1] * 8 + bins[..., 2]
    first, second = (np.bincount(code[side], minlength=512) / side.sum() for side in (inside, outside))
    return view.band * np.float32(np.minimum(first, second).sum())


def hashed(view: View) -> Map:
    """Difference hash (8 × 8) of alpha against that of the consensus: the share of differing bits, everywhere."""
    small = [cv2.resize(one, (9, 8), interpolation=cv2.INTER_AREA) for one in (view.alpha, view.evidence.consensus)]
    bits = [one[:, 1:] > one[:, :-1] for one in small]
    return np.full_like(view.alpha, float((bits[0] != bits[1]).mean()))


def _made(view: View) -> np.ndarray:
    share = view.alpha[..., None]
    return share * view.inside_colour + (1 - share) * view.evidence.background.rgb


DROPPED = {
    "residual": residual,
    "halo on contrast": halo,
    "lost or shadow": lost_or_shadow,
    "hardness": hardness,
    "ssim": ssim,
    "histogram": histogram,
    "hash": hashed,
}
