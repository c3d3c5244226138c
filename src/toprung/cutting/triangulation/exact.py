"""The closed form itself, for pictures without noise (rendered ones)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.foreground.chroma import opponent
from toprung.cutting.foreground.encodings import Encoding
from toprung.cutting.foreground.estimate import estimate_foreground
from toprung.cutting.scene import RGB, Alpha
from toprung.cutting.triangulation.equations import solve
from toprung.cutting.triangulation.views import View

Floats = NDArray[np.float32]

_NOTHING = 2e-4  # of what is left, in [0, 1]: far below a step of 8 bits
_UNIT = 0.003  # standard deviation for which the variance is stated


def solve_exactly(one: View, two: View, ways: Mapping[str, Encoding]) -> tuple[Alpha, RGB, Floats, str] | None:
    """Return alpha, colours, alpha's variance and the encoding if some encoding leaves nothing unexplained, else None.

    Args:
        one, two: the photos and their grounds.
        ways: encodings to try.
    """
    for name, way in ways.items():
        first, second = opponent(way.mixed(one.rgb)), opponent(way.mixed(two.rgb))
        ground1, ground2 = opponent(way.mixed(one.ground.rgb)), opponent(way.mixed(two.ground.rgb))
        found = solve(first, ground1, second, ground2, np.full_like(first, 2 * _UNIT**2))
        left = np.sqrt(found.misfit * (2 * 2 * _UNIT**2))
        beyond = np.maximum(found.alpha - 1, 0) + np.maximum(-found.alpha, 0)
        exact = (left < _NOTHING) & ((beyond < 1e-3) | (found.variance > 1))
        if not exact.all():
            continue
        bare = (np.abs(first - ground1) + np.abs(second - ground2)).max(axis=2) < _NOTHING
        alpha = np.where(bare, 0, np.clip(found.alpha, 0, 1)).astype(np.float32)
        share = np.maximum(alpha, np.float32(0.02))[..., None]
        mixed = [way.mixed(view.rgb) - (1 - alpha[..., None]) * way.mixed(view.ground.rgb) for view in (one, two)]
        colours = np.clip(way.encoded((mixed[0] + mixed[1]) / (2 * share)), 0, 1)
        smooth = estimate_foreground(one.rgb, alpha, one.ground, encoding=name)
        return alpha, np.where(alpha[..., None] > 0.05, colours, smooth), found.variance, name
    return None
