"""Recipes that were run with several seeds: their spread, and a comparison that does not mistake it for progress.

Legend: S seeds, N pictures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toprung.evaluation.intervals import Interval


@dataclass(frozen=True)
class Spread:
    """Accuracies of a recipe over seeds.

    Attributes:
        seeds: how many.
        mean: in [0, 1].
        deviation: standard deviation over seeds (divisor S - 1); 0 for one seed.
    """

    seeds: int
    mean: float
    deviation: float


@dataclass(frozen=True)
class SeedComparison:
    """Two recipes over their seeds.

    Attributes:
        first, second: spreads.
        difference: of the means, second minus first.
        interval: 95 %, over seeds and pictures.
        p_value: two-sided, of a true difference of 0.
    """

    first: Spread
    second: Spread
    difference: float
    interval: Interval
    p_value: float


def spread(right: NDArray[np.bool_]) -> Spread:
    """Return the spread of ``(S, N)`` right answers."""
    means = right.mean(axis=1)
    deviation = float(means.std(ddof=1)) if len(means) > 1 else 0.0
    return Spread(len(means), float(means.mean()), deviation)


def compare_seeds(first: NDArray[np.bool_], second: NDArray[np.bool_], *, confidence: float = 0.95) -> SeedComparison:
    """Compare two recipes on the same pictures, each run with several seeds.

    Two things vary: the seeds, that one would draw anew, and the pictures. The variance of the difference is the sum of
    both parts: that of each recipe's mean over seeds, and that over pictures of the per-picture difference of the mean
    answers. The second holds a share of the first already, so that the interval errs on the wide side. Degrees of
    freedom by Satterthwaite's rule.

    Args:
        first: ``(S1, N)`` bool.
        second: ``(S2, N)`` bool, of the same pictures.
        confidence: in (0, 1).

    Source: crossed random effects of readers (here seeds) and cases (pictures), Obuchowski & Rockette 1995, "Hypothesis
        testing of diagnostic accuracy for multiple readers and multiple tests", Communications in Statistics 24;
        Satterthwaite 1946, Biometrics Bulletin 2, for the degrees of freedom.
    """
    from scipy.special import stdtr, stdtrit

    pictures = first.shape[1]
    gap = second.mean(axis=0) - first.mean(axis=0)
    parts = [(float(gap.var(ddof=1)) / pictures, pictures - 1)] if pictures > 1 else [(0.0, 1)]
    for one in (first, second):
        if len(one) > 1:
            parts.append((float(one.mean(axis=1).var(ddof=1)) / len(one), len(one) - 1))
    variance = sum(part for part, _ in parts)
    difference = float(gap.mean())
    if variance == 0:
        interval = Interval(difference, difference)
        return SeedComparison(spread(first), spread(second), difference, interval, 1.0 if difference == 0 else 0.0)
    freedom = variance**2 / sum(part**2 / degrees for part, degrees in parts)
    half = float(stdtrit(freedom, 0.5 + confidence / 2)) * math.sqrt(variance)
    p_value = 2 * float(stdtr(freedom, -abs(difference) / math.sqrt(variance)))
    return SeedComparison(
        spread(first), spread(second), difference, Interval(difference - half, difference + half), p_value
    )
