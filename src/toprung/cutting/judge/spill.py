"""Background left in the foreground's colours: what shows on a contrasting colour although alpha is right."""

from __future__ import annotations

import numpy as np

from toprung.cutting.judge.evidence import Evidence
from toprung.cutting.judge.view import View
from toprung.cutting.scene import RGB


def spill(view: View, foreground: RGB) -> float:
    """Return the share of the background's colour in the foreground where alpha is soft, in [0, 1].

    Args:
        view: the candidate.
        foreground: ``(h, w, 3)`` float32 sRGB at working size.

    Returns:
        The mean over soft pixels, weighted by how far object and background differ, of how far the foreground's colour
        lies on the way from the object's colour nearby to the background's; 0 when no pixel is soft.
    """
    evidence: Evidence = view.evidence
    towards = evidence.background.rgb - view.inside_colour
    length = np.maximum((towards * towards).sum(2), 1e-5)
    share = np.clip(((foreground - view.inside_colour) * towards).sum(2) / length, 0, 1)
    soft = ((view.alpha > 0.1) & (view.alpha < 0.9)) * view.reliability
    return float((share * soft).sum() / max(float(soft.sum()), 1e-6)) if soft.any() else 0.0
