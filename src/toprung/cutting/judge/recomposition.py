"""Lay the cutout back over the background: is it the photo again?"""

from __future__ import annotations

import numpy as np

from toprung.cutting.judge.evidence import Map, ramp
from toprung.cutting.judge.registry import measure
from toprung.cutting.judge.view import View


@measure("recomposition")
def recomposition(view: View) -> Map:
    """Distance of alpha from the alpha that the photo's colours imply, in the band about the outline.

    With I = αF + (1 − α)B, an error of the recomposition of size r along F − B *is* an alpha error of r / |F − B|, so
    that is what is returned, weighted by how much the colours can say. F is the object's colour nearby, never the
    candidate's own foreground, which could have been chosen to explain any alpha.
    """
    return np.abs(view.implied - view.alpha) * view.reliability * view.band


@measure("residual")
def residual(view: View) -> Map:
    """What no alpha between the nearby colours explains: recomposition error in noise units, ramped, in the band."""
    share = view.alpha[..., None]
    made = share * view.inside_colour + (1 - share) * view.evidence.background.rgb
    off = np.sqrt(((made - view.evidence.rgb) ** 2).mean(2)) / view.evidence.noise
    return ramp(off, 2.0, 10.0) * view.band * view.evidence.background.valid
