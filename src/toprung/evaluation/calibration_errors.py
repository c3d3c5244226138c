"""More ways than the ECE to say how far probabilities can be believed: classwise, adaptive, Brier, log-loss.

Legend: N pictures, C classes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toprung.evaluation.calibration import (
    BINS,
    bin_index,
    error_by_chance,
    error_interval,
    expected_calibration_error,
    reliability,
)
from toprung.evaluation.intervals import Statistic, bootstrap, group_sums


def classwise_calibration_error(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], *, bins: int = BINS
) -> float:
    """Return the mean over the classes of the ECE of "is it this class".

    The ECE looks at the predicted class alone; this one also sees a class whose probability is too low where it
    is not predicted.

    Args:
        probabilities: ``(N, C)`` float64, rows sum to 1.
        labels: ``(N,)`` int64.
        bins: equal-width bins per class.

    Returns:
        In [0, 1].

    Raises:
        DataError: a probability leaves [0, 1] or is NaN.

    Source:
        Kull et al. 2019, "Beyond temperature scaling" (classwise-ECE).
    """
    return _value(_classwise(probabilities, labels, bins), len(labels))


def adaptive_calibration_error(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], *, bins: int = BINS
) -> float:
    """Return the ECE over bins of equally many pictures, so that no bin is nearly empty.

    Args:
        confidence: ``(N,)`` float64 in [0, 1].
        correct: ``(N,)`` bool.
        bins: number of bins; fewer where there are fewer pictures.

    Returns:
        In [0, 1].

    Source:
        Nguyen & O'Connor 2015, "Posterior calibration and exploratory analysis for NLP models".
    """
    return _value(_adaptive(confidence, correct, bins), len(correct))


def brier_score(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the mean squared distance between the probabilities and the truth, summed over the classes.

    Args:
        probabilities: ``(N, C)`` float64, rows sum to 1.
        labels: ``(N,)`` int64.

    Returns:
        In [0, 2]; lower is better.

    Source:
        Brier 1950, "Verification of forecasts expressed in terms of probability".
    """
    return float(_brier(probabilities, labels).mean())


def calibration_scores(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], *, seed: int = 0
) -> dict[str, Any]:
    """Return every measure of calibration, each with its 95 % interval.

    Log-loss and Brier score have percentile bootstrap intervals; the ECE its own, see
    :func:`toprung.evaluation.calibration.error_interval`; the classwise and adaptive error, biased upwards like
    it, basic ones.

    Args:
        probabilities: ``(N, C)`` float64, rows sum to 1, N at least 1.
        labels: ``(N,)`` int64, all known.
        seed: of the bootstrap.

    Returns:
        Plain values: ``ece`` (``value, low, high, by_chance``), ``classwise_ece``, ``adaptive_ece``, ``brier``,
        ``log_loss`` (nats; ``value, low, high``), ``confidence`` (mean), ``reliability`` (bins).

    Raises:
        DataError: no pictures, or a probability leaves [0, 1].
    """
    rows = np.arange(len(labels))
    predicted = probabilities.argmax(axis=1)
    confidence, correct = probabilities[rows, predicted], predicted == labels
    by_chance = error_by_chance(confidence, seed=seed)
    low, high = error_interval(confidence, correct, by_chance, seed=seed)
    scores: dict[str, Any] = {
        "ece": {
            "value": expected_calibration_error(confidence, correct),
            "low": low,
            "high": high,
            "by_chance": float(by_chance.mean()),
        }
    }
    biased = {
        "classwise_ece": _classwise(probabilities, labels, BINS),
        "adaptive_ece": _adaptive(confidence, correct, BINS),
    }
    tiny = np.finfo(np.float64).tiny  # a softmax that rounded to 0 costs 708 nats, not infinity
    means = {
        "brier": _mean(_brier(probabilities, labels)),
        "log_loss": _mean(-np.log(np.maximum(probabilities[rows, labels], tiny))),
    }
    for statistics, method in ((biased, "basic"), (means, "percentile")):
        intervals = bootstrap(statistics, len(labels), method=method, seed=seed)  # type: ignore[arg-type]
        for name, statistic in statistics.items():
            ends = [min(max(end, 0.0), 1.0) if method == "basic" else end for end in intervals[name]]
            scores[name] = {"value": _value(statistic, len(labels)), "low": ends[0], "high": ends[1]}
    scores["confidence"] = float(confidence.mean())
    scores["reliability"] = [dataclasses.asdict(group) for group in reliability(confidence, correct)]
    return scores


def _value(statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]], pictures: int) -> float:
    return float(statistic(np.ones((1, pictures)))[0])


def _mean(values: NDArray[np.float64]) -> Statistic:
    return lambda weights: weights @ values / weights.sum(axis=1)


def _brier(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    truth = np.zeros_like(probabilities)
    truth[np.arange(len(labels)), labels] = 1
    distances: NDArray[np.float64] = ((probabilities - truth) ** 2).sum(axis=1)
    return distances


def _gaps(gap: NDArray[np.float64], index: NDArray[np.int64], bins: int) -> Statistic:
    # |B|/n · |accuracy - confidence| is |Σ (correct - confidence)| / n: the bin's size cancels.
    return lambda weights: np.abs(group_sums(weights * gap, index, bins)).sum(axis=1) / weights.sum(axis=1)


def _adaptive(confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int) -> Statistic:
    bins = max(1, min(bins, len(confidence)))
    index = np.empty(len(confidence), dtype=np.int64)
    index[np.argsort(confidence, kind="stable")] = np.arange(len(confidence)) * bins // max(len(confidence), 1)
    return _gaps(correct - confidence, index, bins)


def _classwise(probabilities: NDArray[np.float64], labels: NDArray[np.int64], bins: int) -> Statistic:
    classes = probabilities.shape[1]
    parts = [
        _gaps((labels == c) - probabilities[:, c], bin_index(probabilities[:, c], bins), bins) for c in range(classes)
    ]

    def classwise(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        total = np.zeros(len(weights))
        for part in parts:
            total += part(weights)
        return total / classes

    return classwise
