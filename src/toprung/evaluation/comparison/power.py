"""The smallest difference that so many pictures could show."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

POWER = 0.8
LEVEL = 0.05


def mcnemar_power(difference: float, discordance: float, pictures: int, *, level: float = LEVEL) -> float:
    """Return how often McNemar's exact test would show a true difference of two accuracies.

    Args:
        difference: of the accuracies, in [0, discordance].
        discordance: share of pictures that one of the two has right and the other wrong, in [0, 1].
        pictures: n.
        level: of the test.

    Returns:
        The probability of p < level, exactly: over the number of discordant pictures, binomial in n, and over how many
        of them fall to the better one, binomial in that number.
    """
    from scipy.special import bdtr, bdtrc

    if discordance <= 0:
        return 0.0
    share = (discordance + difference) / (2 * discordance)  # of discordant pictures that the better one has right
    counts = np.arange(pictures + 1)
    likely = _binomial(pictures, discordance)
    kept = likely > 1e-12
    counts, likely = counts[kept], likely[kept]
    limits = _critical(counts, level)
    some = limits >= 0
    hits = np.zeros(len(counts))
    m, k = counts[some], limits[some]
    # rejected: at most k of m fall to one side
    hits[some] = bdtr(k, m, share) + bdtrc(m - k - 1, m, share)
    return float((likely * hits).sum())


def smallest_paired_difference(
    discordance: float, pictures: int, *, power: float = POWER, level: float = LEVEL
) -> float | None:
    """Return the smallest true difference that McNemar's exact test on so many pictures would show in 80 % of cases.

    Args:
        discordance: share of pictures on which the two disagree about being right; it is taken to stay so large.
        pictures: n.
        power: how often it is to be shown.
        level: of the test.

    Returns:
        A difference of accuracies in (0, 1]; ``None`` where even answers that all changed one way could not show it.
        Where the discordance is too small for any difference to be shown, it is the least discordance, all one way,
        that would do.
    """

    def shown(difference: float) -> bool:
        return mcnemar_power(difference, max(discordance, difference), pictures, level=level) >= power

    if not shown(1.0):
        return None
    low, high = 0.0, 1.0
    while high - low > max(1e-5, 0.02 / pictures):
        middle = (low + high) / 2
        low, high = (low, middle) if shown(middle) else (middle, high)
    return high


def smallest_unpaired_difference(
    accuracy: float, first_pictures: int, second_pictures: int, *, power: float = POWER, level: float = LEVEL
) -> float:
    """Return the smallest true difference that a two-sided test of two independent accuracies would show in 80 %.

    Args:
        accuracy: about which the two lie, in [0, 1].
        first_pictures, second_pictures: n of each.
        power: how often it is to be shown.
        level: of the test.

    Source: normal approximation with the arcsine transform, Cohen 1988, "Statistical power analysis", chapter 6:
        ``h = (z_{1-α/2} + z_power) sqrt(1/n1 + 1/n2)``, ``h = |2 asin √p2 - 2 asin √p1|``.
    """
    normal = NormalDist()
    h = (normal.inv_cdf(1 - level / 2) + normal.inv_cdf(power)) * math.sqrt(1 / first_pictures + 1 / second_pictures)
    angle = 2 * math.asin(math.sqrt(min(max(accuracy, 0.0), 1.0)))
    up = math.sin(min(angle + h, math.pi) / 2) ** 2 - accuracy
    down = accuracy - math.sin(max(angle - h, 0.0) / 2) ** 2
    return max(up, down) if min(up, down) <= 0 else min(up, down)


def _critical(tosses: NDArray[np.int64], level: float) -> NDArray[np.int64]:
    """Return for each number of tosses the largest count on the lesser side with p < level; -1 where there is none."""
    from scipy.special import bdtr

    low = np.full(len(tosses), -1)  # shown, or none
    high = tosses // 2 + 1  # not shown: p is 1 there
    while (high - low > 1).any():
        middle = (low + high) // 2
        shown = (middle < 0) | (2 * bdtr(np.maximum(middle, 0), tosses, 0.5) < level)
        low, high = np.where(shown, middle, low), np.where(shown, high, middle)
    return low


def _binomial(trials: int, share: float) -> np.ndarray:
    """Return the probabilities of 0 … trials successes."""
    from scipy.special import gammaln, xlogy

    k = np.arange(trials + 1)
    logs = gammaln(trials + 1) - gammaln(k + 1) - gammaln(trials - k + 1) + xlogy(k, share)
    rest = np.where(trials - k > 0, (trials - k) * math.log1p(-share) if share < 1 else -np.inf, 0.0)
    probabilities: np.ndarray = np.exp(logs + rest)
    return probabilities
