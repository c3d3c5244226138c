"""Many comparisons at once: adjusted p-values, and the runs that cannot be told apart from the best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from toprung.evaluation.significance import binomial_p


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted so that the chance of even one false finding among them stays below the level.

    Args:
        p_values: of m tests, whatever their dependence.

    Returns:
        In the same order, in [0, 1], never below the given ones: ``max over j <= i of min(1, (m - j + 1) p_(j))``.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6.
    """
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    highest = 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = highest
    return [float(value) for value in adjusted]


def against_the_best(right: NDArray[np.bool_]) -> tuple[int, list[float]]:
    """Return the most accurate of several runs, and for each the adjusted p-value of its being as good.

    The best is chosen on the same pictures, which makes its lead look larger than it is. So all pairs are counted as
    tests, not just those with the best: Holm over ``k (k - 1) / 2`` exact McNemar tests. Whichever run is truly the
    best then stays within the group of p >= level in at least 95 % of cases, also when all are equally good.

    Args:
        right: ``(k, n)`` bool, which run has which picture right.

    Returns:
        Row of the best (the first of equals), and ``k`` adjusted p-values; 1 for the best itself.
    """
    count = len(right)
    best = int(right.sum(axis=1).argmax())
    pairs = [(first, second) for first in range(count) for second in range(first + 1, count)]
    values = [
        binomial_p(int((right[first] & ~right[second]).sum()), int((~right[first] & right[second]).sum()))
        for first, second in pairs
    ]
    adjusted = dict(zip(pairs, holm(values), strict=True))
    found = [1.0 if row == best else adjusted[min(row, best), max(row, best)] for row in range(count)]
    return best, found
