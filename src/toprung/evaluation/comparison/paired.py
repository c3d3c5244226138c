"""Two models on the same pictures: how their scores differ, and how sure that is.

Legend: N pictures, C classes, R resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toprung.evaluation.alignment import Aligned, align
from toprung.evaluation.comparison.power import smallest_paired_difference
from toprung.evaluation.comparison.proportions import paired_interval
from toprung.evaluation.intervals import Interval, Statistic, bootstrap, group_sums
from toprung.evaluation.predictions import Predictions
from toprung.evaluation.significance import binomial_p

_RESAMPLES = 2000


@dataclass(frozen=True)
class MetricDifference:
    """A metric of both, and the paired bootstrap interval of the second minus the first."""

    first: float
    second: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class PairComparison:
    """Two models on the same labelled pictures.

    Attributes:
        pictures: N.
        both, first_only, second_only, neither: pictures by who has them right.
        accuracy: of both; ``low`` and ``high`` are Tango's score interval of the second minus the first.
        p_value: McNemar's exact test.
        bootstrap: paired bootstrap interval of the accuracies' difference, beside the score interval.
        smallest_difference: the smallest difference that this test set would show in 80 % of cases at this rate of
            disagreement; ``None`` where it could show none.
        metrics: balanced accuracy, macro F1 and log-loss.
    """

    pictures: int
    both: int
    first_only: int
    second_only: int
    neither: int
    accuracy: MetricDifference
    p_value: float
    bootstrap: Interval
    smallest_difference: float | None
    metrics: dict[str, MetricDifference]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self) | {"bootstrap": list(self.bootstrap)}


def compare_pair(first: Predictions, second: Predictions, *, seed: int = 0) -> PairComparison:
    """Compare two models on the pictures that both were scored on.

    Args:
        first, second: predictions of the same labelled pictures, in any order, with the same classes.
        seed: of the bootstrap.

    Raises:
        RunError: other pictures, labels or classes.
    """
    return compare_aligned(align([first, second]), 0, 1, seed=seed)


def compare_aligned(aligned: Aligned, first: int, second: int, *, seed: int = 0) -> PairComparison:
    """Compare two of several models whose pictures and classes are in one order already."""
    labels, count = aligned.labels, len(aligned.labels)
    shares = [aligned.probabilities[first], aligned.probabilities[second]]
    answers = [one.argmax(axis=1).astype(np.int64) for one in shares]
    right = [answer == labels for answer in answers]
    first_only = int((right[0] & ~right[1]).sum())
    second_only = int((~right[0] & right[1]).sum())
    both = int((right[0] & right[1]).sum())
    statistics = _differences(labels, answers, shares, len(aligned.classes))
    found = bootstrap(
        {name: pair.difference for name, pair in statistics.items()}, count, resamples=_RESAMPLES, seed=seed
    )
    once = np.ones((1, count))
    metrics = {name: pair.measured(once, found[name]) for name, pair in statistics.items()}
    accuracy = metrics.pop("accuracy")
    low, high = paired_interval(first_only, second_only, count)
    return PairComparison(
        pictures=count,
        both=both,
        first_only=first_only,
        second_only=second_only,
        neither=count - both - first_only - second_only,
        accuracy=MetricDifference(accuracy.first, accuracy.second, accuracy.difference, low, high),
        p_value=binomial_p(first_only, second_only),
        bootstrap=found["accuracy"],
        smallest_difference=smallest_paired_difference((first_only + second_only) / count, count),
        metrics=metrics,
    )


@dataclass(frozen=True)
class _Pair:
    """A metric of two models, as functions of picture weights."""

    first: Statistic
    second: Statistic

    def difference(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.second(weights) - self.first(weights)

    def measured(self, once: NDArray[np.float64], interval: Interval) -> MetricDifference:
        first, second = float(self.first(once)[0]), float(self.second(once)[0])
        return MetricDifference(first, second, second - first, interval.low, interval.high)


def _differences(
    labels: NDArray[np.int64],
    answers: Sequence[NDArray[np.int64]],
    shares: Sequence[NDArray[np.float64]],
    classes: int,
) -> dict[str, _Pair]:
    tiny = np.finfo(np.float64).tiny
    rows = np.arange(len(labels))
    right = [(answer == labels).astype(np.float64) for answer in answers]
    losses = [-np.log(np.maximum(share[rows, labels], tiny)) for share in shares]
    makers = {
        "accuracy": lambda one: _mean(right[one]),
        "balanced_accuracy": lambda one: _balanced(labels, right[one], classes),
        "macro_f1": lambda one: _macro_f1(labels, answers[one], right[one], classes),
        "log_loss": lambda one: _mean(losses[one]),
    }
    return {name: _Pair(make(0), make(1)) for name, make in makers.items()}


def _mean(values: NDArray[np.float64]) -> Statistic:
    return lambda weights: weights @ values / weights.sum(axis=1)


def _balanced(labels: NDArray[np.int64], right: NDArray[np.float64], classes: int) -> Statistic:
    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        counts = group_sums(weights, labels, classes)
        hits = group_sums(weights * right, labels, classes)
        recalls = np.divide(hits, counts, out=np.zeros_like(hits), where=counts > 0)
        mean: NDArray[np.float64] = recalls.sum(axis=1) / (counts > 0).sum(axis=1)
        return mean

    return statistic


def _macro_f1(
    labels: NDArray[np.int64], answer: NDArray[np.int64], right: NDArray[np.float64], classes: int
) -> Statistic:
    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        hits = group_sums(weights * right, labels, classes)
        total = group_sums(weights, labels, classes) + group_sums(weights, answer, classes)
        scores = np.divide(2 * hits, total, out=np.zeros_like(hits), where=total > 0)
        mean: NDArray[np.float64] = scores.sum(axis=1) / (total > 0).sum(axis=1)
        return mean

    return statistic
