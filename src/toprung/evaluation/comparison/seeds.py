"""Recipes that were run with several seeds: their spread, and a comparison that does not mistake it for progress.

Legend: S seeds, N pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toprung.errors import DataError
from toprung.evaluation.intervals import Interval

_LEAST_P = 1e-12
_ROUNDS = 60


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
        p_value: two-sided, of a true difference of 0; 1e-12 stands for anything less.
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
    """Compare two recipes on the same pictures, at least one of which was run with several seeds.

    Two things vary: the seeds, that one would draw anew, and the pictures. The squared half-width of the interval is
    the sum of ``t²`` times the variance of each part: the per-picture difference of the mean answers over pictures, and
    each recipe's accuracy over its seeds, each with the t quantile of its own degrees of freedom. So it holds its
    promise however unequal the parts are, and with two seeds a recipe; Satterthwaite's single number of degrees of
    freedom does not. The first part holds a share of the second already, so that the interval errs on the wide side.

    A recipe of one seed shows no spread of its own and is taken to spread as the other does. Two recipes of one seed
    each have no known spread: the interval is over pictures alone.

    Args:
        first: ``(S1, N)`` bool.
        second: ``(S2, N)`` bool, of the same pictures.
        confidence: in (0, 1).

    Raises:
        DataError: no seed, no picture, other numbers of pictures, or a confidence outside of (0, 1).

    Source: crossed random effects of readers (here seeds) and cases (pictures), Obuchowski & Rockette 1995, "Hypothesis
        testing of diagnostic accuracy for multiple readers and multiple tests", Communications in Statistics 24;
        Banerjee 1960, "Approximate confidence interval for linear functions of means of k populations when the
        population variances are not equal", Sankhyā 22, for the half-width.
    """
    from scipy.special import stdtrit

    _check(first, second, confidence)
    pictures = first.shape[1]
    gap = second.mean(axis=0) - first.mean(axis=0)
    over_pictures = [_Part(float(gap.var(ddof=1)) / pictures, pictures - 1)] if pictures > 1 else []
    parts = [part for part in (*over_pictures, *_over_seeds(first, second)) if part.variance > 0]

    def half(quantile: float) -> float:
        return math.sqrt(sum(float(stdtrit(part.freedom, quantile)) ** 2 * part.variance for part in parts))

    difference = float(gap.mean())
    width = half(0.5 + confidence / 2)
    return SeedComparison(
        first=spread(first),
        second=spread(second),
        difference=difference,
        interval=Interval(difference - width, difference + width),
        p_value=_p_value(abs(difference), half),
    )


@dataclass(frozen=True)
class _Part:
    """A part of the variance of the difference, and its degrees of freedom."""

    variance: float
    freedom: int


def _over_seeds(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> list[_Part]:
    counts = [len(first), len(second)]
    spreads = [float(one.mean(axis=1).var(ddof=1)) if len(one) > 1 else 0.0 for one in (first, second)]
    if 1 not in counts:
        return [_Part(value / count, count - 1) for value, count in zip(spreads, counts, strict=True)]
    many = max(counts)
    # The lone seed was drawn as the others were: its luck is as large, and no less a part of the difference.
    return [_Part(max(spreads) * (1 + 1 / many), many - 1)] if many > 1 else []


def _p_value(size: float, half: Callable[[float], float]) -> float:
    """Return the p at which the interval just reaches 0, by bisection of its logarithm."""
    if size == 0:
        return 1.0
    low, high = math.log(_LEAST_P), 0.0
    if half(1 - _LEAST_P / 2) < size:
        return _LEAST_P
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        low, high = (middle, high) if half(1 - math.exp(middle) / 2) > size else (low, middle)
    return math.exp((low + high) / 2)


def _check(first: NDArray[np.bool_], second: NDArray[np.bool_], confidence: float) -> None:
    if min(first.shape + second.shape) < 1 or first.shape[1] != second.shape[1]:
        raise DataError(
            f"seeds are compared on the same pictures, one row of answers a seed; the answers are of {first.shape} and "
            f"{second.shape} (seeds, pictures)."
        )
    if not 0 < confidence < 1:
        raise DataError(f"confidence = {confidence!r} is not allowed: it must be between 0 and 1, such as 0.95.")
