"""Alpha's histogram: too soft?"""

from __future__ import annotations

from toprung.cutting.judge.evidence import Map
from toprung.cutting.judge.registry import measure
from toprung.cutting.judge.view import View


@measure("softness")
def softness(view: View) -> Map:
    """4 α (1 − α): how much of alpha is undecided."""
    return 4 * view.alpha * (1 - view.alpha)
