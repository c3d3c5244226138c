"""How far a candidate stands from the others."""

from __future__ import annotations

import numpy as np

from toprung.cutting.judge.evidence import Map
from toprung.cutting.judge.registry import measure
from toprung.cutting.judge.view import View


@measure("consensus")
def consensus(view: View) -> Map:
    """Distance to the pixel-wise median of all candidates."""
    return np.abs(view.alpha - view.evidence.consensus)


@measure("disagreement")
def disagreement(view: View) -> Map:
    """Mean distance to every other candidate; 0 when there is none."""
    others = [alpha for alpha in view.evidence.alphas.values() if alpha is not view.alpha]
    if not others:
        return np.zeros_like(view.alpha)
    total = np.zeros_like(view.alpha)
    for alpha in others:
        total += np.abs(view.alpha - alpha)
    return total / np.float32(len(others))
