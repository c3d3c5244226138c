"""Lay the cutout back over the background: is it the photo again?"""

from __future__ import annotations

import numpy as np

from toprung.cutting.judge.evidence import Map
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
