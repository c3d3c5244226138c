"""Object that was lost: pixels that differ from the background but have no alpha."""

from __future__ import annotations

from toprung.cutting.judge.evidence import Map
from toprung.cutting.judge.registry import measure
from toprung.cutting.judge.view import View


@measure("lost")
def lost(view: View) -> Map:
    """1 − alpha where the photo is neither the background nor the background in shadow."""
    return (1 - view.alpha) * view.evidence.is_object_or_lit
