"""What the judge looks at in each pixel before it says what the true alpha may be there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.judge.evidence import Evidence, Map, dot, smooth
from toprung.cutting.judge.view import View

# name -> family; the families are left out one by one by the benchmark, to see what each earns
FEATURES = {
    "lowest": "agreement",
    "highest": "agreement",
    "mean": "agreement",
    "number of candidates": "agreement",
    "difference": "difference",
    "object nearby": "difference",
    "difference without shadow": "shadow",
    "object nearby without shadow": "shadow",
    "shade": "shadow",
    "slope of the photo": "edges",
    "background known": "background",
    "plate": "background",
    "guess": "guess",
    "weighted": "guess",
    "guess nearby": "guess",
    "guess around": "guess",
    "implied": "recomposition",
    "reliability": "recomposition",
    "colour odds": "colours",
    "colour odds nearby": "colours",
}
_NEAR, _AROUND = 0.6, 2.0  # half widths of neighbourhoods, in hundredths of the picture's side


def lasting_features(evidence: Evidence) -> list[Map]:
    """Return the features that do not depend on the guess, each ``(h, w)``, in the order of ``FEATURES``."""
    near = _box(_NEAR * evidence.unit)
    slope_x, slope_y = evidence.edge_strength
    slope = np.sqrt(dot(slope_x, slope_x) + dot(slope_y, slope_y)) / evidence.noise
    lowest, highest, mean = evidence.spread
    one = np.ones_like(mean)
    return [
        lowest,
        highest,
        mean,
        one * np.float32(np.log(len(evidence.alphas))),
        np.log1p(evidence.distance),
        smooth(evidence.is_object, near),
        np.log1p(evidence.tolerant_distance),
        smooth(evidence.is_object_or_lit, near),
        evidence.shade,
        np.log1p(slope),
        evidence.background.valid.astype(np.float32),
        one * np.float32(evidence.background.source == "plate"),
    ]


def passing_features(evidence: Evidence, guess: Map, weighted: Map) -> list[Map]:
    """Return the features that follow from a guess, each ``(h, w)``, in the order of ``FEATURES``.

    Args:
        evidence: the scene with its candidates.
        guess: ``(h, w)`` what alpha is thought to be so far.
        weighted: ``(h, w)`` the candidates' mean, better ones with larger weight.
    """
    near, around = _box(_NEAR * evidence.unit), _box(_AROUND * evidence.unit)
    view = View(evidence, guess)
    odds = colour_odds(evidence, guess)
    return [
        guess,
        weighted,
        smooth(guess, near),
        smooth(guess, around),
        view.implied,
        view.reliability,
        odds,
        smooth(odds, near),
    ]


def colour_odds(evidence: Evidence, guess: Map) -> Map:
    """How much more often a pixel's colour occurs in the object than outside it, in [0, 1], by a histogram of 16³."""
    weight = guess.ravel()
    inside = np.bincount(evidence.colour_codes, weight, 4096)
    outside = np.bincount(evidence.colour_codes, 1 - weight, 4096)
    inside, outside = inside / max(inside.sum(), 1.0), outside / max(outside.sum(), 1.0)
    odds = (inside / (inside + outside + 1e-6)).astype(np.float32)
    return np.asarray(odds[evidence.colour_codes].reshape(guess.shape))


def stack(maps: list[Map]) -> NDArray[np.float32]:
    """Return ``(features, pixels)`` float32."""
    return np.stack([one.ravel() for one in maps]).astype(np.float32, copy=False)


def _box(radius: float) -> tuple[int, int]:
    size = 2 * max(1, round(radius)) + 1
    return size, size
