"""How sure a score is: Wilson intervals for shares, bootstrap intervals for everything else.

Legend: R resamples, N pictures; ``weights`` ``(R, N)`` holds how often a resample drew each picture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from toprung.errors import DataError

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""``(R, N)`` float64 picture weights -> ``(R,)`` float64 values of a metric, NaN where it has none."""

_CELLS = 2_000_000  # weights held at once: 16 MB, whatever the number of pictures


class Interval(NamedTuple):
    """The two ends of a confidence interval."""

    low: float
    high: float


def wilson(
    successes: ArrayLike, trials: ArrayLike, *, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Wilson score interval of shares such as an accuracy.

    Unlike value ± 1.96 standard errors it never leaves [0, 1], is not of zero width at 0 % and 100 %, and
    holds its promise for few pictures. Needs no SciPy, so that the board starts fast.

    Args:
        successes: counts, any shape, ``0 <= successes <= trials``.
        trials: counts, broadcast against ``successes``; 0 gives the interval [0, 1], for nothing is known.
        confidence: share of such intervals that hold the true share, in (0, 1).

    Returns:
        Low and high ends, float64 in [0, 1], of the broadcast shape.

    Raises:
        DataError: a count is negative, exceeds its trials or is not finite; or confidence is not in (0, 1).

    Source:
        Wilson 1927, "Probable inference, the law of succession, and statistical inference", JASA 22, 209-212;
        the roots in p of (p̂ - p)² = z² p (1 - p) / n.
    """
    _check_confidence(confidence)
    k, n = np.broadcast_arrays(np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64))
    if not (np.isfinite(n).all() and ((k >= 0) & (k <= n)).all()):
        raise DataError(f"a Wilson interval needs 0 <= successes <= trials, got {successes!r} of {trials!r}.")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    some = np.maximum(n, 1)  # zero trials are overwritten below
    share = k / some
    centre = (share + z * z / (2 * some)) / (1 + z * z / some)
    half = z / (1 + z * z / some) * np.sqrt(share * (1 - share) / some + z * z / (4 * some * some))
    # At 0 and n successes the end is 0 or 1 exactly; rounding would leave it 1e-17 beside.
    low = np.where((n == 0) | (k == 0), 0.0, np.clip(centre - half, 0.0, 1.0))
    high = np.where((n == 0) | (k == n), 1.0, np.clip(centre + half, 0.0, 1.0))
    return low, high


def bootstrap(
    statistics: Mapping[str, Statistic],
    pictures: int,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    method: Literal["percentile", "basic"] = "percentile",
    seed: int = 0,
) -> dict[str, Interval]:
    """Return bootstrap intervals of several metrics, all computed on the same resamples of the pictures.

    A resample draws N pictures with replacement; a metric sees it as a weight per picture, so that it is one
    matrix product for hundreds of resamples at a time.

    ``percentile`` takes the quantiles of the resampled metric: right for means and ratios. ``basic`` mirrors
    them at the value itself (2 value - quantile): for metrics that are biased upwards, such as the ECE, where
    resampling adds the same bias once more and the percentile interval moves the wrong way.

    Args:
        statistics: name -> function from ``(R, N)`` weights to ``(R,)`` values; NaN values are left out.
        pictures: N, at least 1.
        resamples: R in total.
        confidence: in (0, 1).
        method: see above.
        seed: same seed, same interval.

    Returns:
        name -> interval. Both ends are NaN when the metric has no value on any resample.

    Raises:
        DataError: no pictures, no resamples, or confidence is not in (0, 1).

    Source:
        Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13 (percentile);
        Davison & Hinkley 1997, "Bootstrap Methods and their Application", eq. 5.6 (basic).
    """
    _check_confidence(confidence)
    if pictures < 1 or resamples < 1:
        raise DataError(f"a bootstrap needs pictures and resamples, got {pictures} and {resamples}.")
    generator = np.random.default_rng(seed)
    values: dict[str, list[NDArray[np.float64]]] = {name: [] for name in statistics}
    rows = max(1, _CELLS // pictures)
    for start in range(0, resamples, rows):
        weights = _draw(generator, min(rows, resamples - start), pictures)
        for name, statistic in statistics.items():
            values[name].append(statistic(weights))
    tails = [0.5 - confidence / 2, 0.5 + confidence / 2]
    once = np.ones((1, pictures))
    intervals = {}
    for name, parts in values.items():
        resampled = np.concatenate(parts)
        resampled = resampled[~np.isnan(resampled)]
        if resampled.size == 0:
            intervals[name] = Interval(float("nan"), float("nan"))
            continue
        low, high = (float(q) for q in np.quantile(resampled, tails))
        if method == "basic":
            value = float(statistics[name](once)[0])
            low, high = 2 * value - high, 2 * value - low
        intervals[name] = Interval(low, high)
    return intervals


def group_sums(weights: NDArray[np.float64], groups: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Add up the weights of each group of pictures; the building block of metrics per class or per bin.

    Args:
        weights: ``(R, N)`` float64.
        groups: ``(N,)`` int64 in 0 … count - 1.
        count: number of groups G.

    Returns:
        ``(R, G)`` float64, 0 for groups without pictures.
    """
    # A product with a one-hot (N, G) matrix does the same, but costs G times more: too slow for 1000 classes.
    sums = np.zeros((len(weights), count))
    if len(groups) == 0:
        return sums
    order = np.argsort(groups, kind="stable")
    present, starts = np.unique(groups[order], return_index=True)
    sums[:, present] = np.add.reduceat(weights[:, order], starts, axis=1)
    return sums


def _draw(generator: np.random.Generator, rows: int, pictures: int) -> NDArray[np.float64]:
    drawn = generator.integers(pictures, size=(rows, pictures))
    drawn += np.arange(rows)[:, None] * pictures
    counts = np.bincount(drawn.ravel(), minlength=rows * pictures)
    return counts.reshape(rows, pictures).astype(np.float64)


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise DataError(f"confidence = {confidence!r} is not allowed: it must be between 0 and 1, such as 0.95.")
