"""Intervals of the difference of two accuracies: on the same pictures, and on different ones.

Legend: b, c: pictures that only the first, only the second has right; n: all pictures.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from toprung.errors import DataError
from toprung.evaluation.intervals import Interval, wilson

_ROUNDS = 200
_TOLERANCE = 1e-12


def paired_interval(first_only: int, second_only: int, pictures: int, *, confidence: float = 0.95) -> Interval:
    """Return the interval of ``(c - b) / n``, the second accuracy minus the first, on the same pictures.

    The score interval: all differences that a score test does not reject. It holds its promise with a handful of
    pictures that changed, where the usual ± 1.96 standard errors and the bootstrap are too narrow.

    Args:
        first_only: b.
        second_only: c.
        pictures: n, at least ``b + c`` and 1.
        confidence: in (0, 1).

    Returns:
        Low and high ends, in [-1, 1].

    Raises:
        DataError: counts that cannot be.

    Source: Tango 1998, "Equivalence test and confidence interval for the difference in proportions for the
        paired-sample design", Statistics in Medicine 17, 891-908: the roots in δ of eq. 9, with the constrained
        maximum-likelihood estimate of eq. 4.
    """
    if min(first_only, second_only) < 0 or pictures < 1 or first_only + second_only > pictures:
        raise DataError(f"{first_only} and {second_only} of {pictures} pictures cannot have changed.")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    b, c, n = float(second_only), float(first_only), float(pictures)  # Tango's difference is (b - c) / n
    value = (b - c) / n

    def score(delta: float) -> float:
        half = 2 * n
        middle = -b - c + (2 * n - b + c) * delta
        last = -c * delta * (1 - delta)
        q = (math.sqrt(max(middle * middle - 4 * half * last, 0.0)) - middle) / (2 * half)
        variance = n * (2 * q + delta * (1 - delta))
        above = b - c - n * delta
        if variance <= 0:
            return math.copysign(math.inf, above) if above else 0.0
        return above / math.sqrt(variance)

    def root(inner: float, outer: float, wanted: float) -> float:
        """Return where the score, which falls as δ grows, passes ``wanted``, between the value and an end."""
        for _ in range(_ROUNDS):
            middle = (inner + outer) / 2
            if (score(middle) - wanted) * (1 if wanted > 0 else -1) < 0:
                inner = middle
            else:
                outer = middle
            if abs(inner - outer) < _TOLERANCE:
                break
        return (inner + outer) / 2

    low = -1.0 if value <= -1 else root(value, -1.0, z)
    high = 1.0 if value >= 1 else root(value, 1.0, -z)
    return Interval(low, high)


def unpaired_interval(
    first: int, first_pictures: int, second: int, second_pictures: int, *, confidence: float = 0.95
) -> Interval:
    """Return the interval of the second accuracy minus the first, on different pictures, or where pairs are unknown.

    Args:
        first, first_pictures: right answers of the first, of so many pictures.
        second, second_pictures: of the second.
        confidence: in (0, 1).

    Raises:
        DataError: counts that cannot be.

    Source: Newcombe 1998, "Interval estimation for the difference between independent proportions", Statistics in
        Medicine 17, 873-890, method 10: from the two Wilson intervals.
    """
    lows, highs = wilson([first, second], [first_pictures, second_pictures], confidence=confidence)
    p1, p2 = first / first_pictures, second / second_pictures
    low = p2 - p1 - math.hypot(p2 - float(lows[1]), float(highs[0]) - p1)
    high = p2 - p1 + math.hypot(float(highs[1]) - p2, p1 - float(lows[0]))
    return Interval(low, high)


def fisher_p(first: int, first_pictures: int, second: int, second_pictures: int) -> float:
    """Return the two-sided p-value of Fisher's exact test that two accuracies on different pictures are the same.

    Source: Fisher 1935; the probabilities of all tables with these margins that are no likelier than this one.
    """
    from scipy.stats import fisher_exact

    table = [[first, first_pictures - first], [second, second_pictures - second]]
    return float(fisher_exact(table).pvalue)
