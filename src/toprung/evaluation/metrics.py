"""Predictions -> numbers, each with the interval that says how far to trust it.

The values equal scikit-learn's (a test holds that) but are computed here: the bootstrap needs them for a
thousand resamples at once.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toprung.errors import DataError, RunError
from toprung.evaluation.calibration import (
    error_by_chance,
    error_interval,
    expected_calibration_error,
    reliability,
)
from toprung.evaluation.intervals import Statistic, bootstrap, group_sums, wilson
from toprung.evaluation.predictions import Predictions

TOP_K = 5


def score(predictions: Predictions, *, seed: int = 0) -> dict[str, Any]:
    """Score predictions against the true labels.

    Pictures of unknown label (-1) are left out. Classes without pictures are handled as scikit-learn
    documents: balanced accuracy is the mean recall of the classes that have pictures
    (``balanced_accuracy_score``); macro F1 averages the classes that are either true or predicted somewhere
    (``f1_score(average="macro")``), with 0 for a class never predicted right; in ``per_class`` an undefined
    precision, recall or F1 is 0 (``zero_division=0``) and the recall interval of a class without pictures is
    [0, 1].

    Accuracy, top-5 and recalls get Wilson intervals; balanced accuracy, macro F1 and log-loss percentile
    bootstrap intervals over pictures; the ECE a basic one, see
    :func:`toprung.evaluation.calibration.error_interval`. All are at 95 %.

    Args:
        predictions: logits and labels of N pictures and C classes.
        seed: of the bootstrap.

    Returns:
        Plain values, ready for JSON: ``pictures``; ``accuracy`` and, for more than 5 classes, ``top5``
        (``value, low, high, correct``); ``balanced_accuracy``, ``macro_f1``, ``log_loss`` (nats), ``ece``
        (``value, low, high``; ``ece`` also ``by_chance``, what a calibrated model would show); ``per_class``;
        ``confusion`` ``C x C`` (rows true, columns predicted); ``reliability`` (bins).

    Raises:
        DataError: no picture has a label.
        RunError: a label lies outside the classes, or a logit is NaN or infinite.
    """
    labels, logits = _labelled(predictions)
    count, classes = logits.shape
    log_probabilities = _log_softmax(logits)
    predicted = logits.argmax(axis=1).astype(np.int64)
    correct = predicted == labels
    confidence = np.exp(log_probabilities[np.arange(count), predicted])
    losses = -log_probabilities[np.arange(count), labels]
    confusion = np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)

    statistics = {
        "balanced_accuracy": _balanced_accuracy(labels, correct, classes),
        "macro_f1": _macro_f1(labels, predicted, classes),
        "log_loss": _mean(losses),
    }
    intervals = bootstrap(statistics, count, seed=seed)
    once = np.ones((1, count))
    scores: dict[str, Any] = {"pictures": count, "accuracy": _share(int(correct.sum()), count)}
    if classes > TOP_K:
        scores["top5"] = _share(int((_ranks(logits, labels) < TOP_K).sum()), count)
    for name, statistic in statistics.items():
        low, high = intervals[name]
        scores[name] = {"value": float(statistic(once)[0]), "low": low, "high": high}
    by_chance = error_by_chance(confidence, seed=seed)
    low, high = error_interval(confidence, correct, by_chance, seed=seed)
    scores["ece"] = {
        "value": expected_calibration_error(confidence, correct),
        "low": low,
        "high": high,
        "by_chance": float(by_chance.mean()),
    }
    scores["per_class"] = _per_class(confusion, predictions.classes)
    scores["confusion"] = confusion.tolist()
    scores["reliability"] = [dataclasses.asdict(group) for group in reliability(confidence, correct)]
    return scores


def _labelled(predictions: Predictions) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    known = predictions.labels != -1
    labels, logits = predictions.labels[known], predictions.logits[known].astype(np.float64)
    if len(labels) == 0:
        raise DataError(f"none of {len(predictions)} pictures has a label, so there is nothing to score against.")
    if labels.min() < 0 or labels.max() >= len(predictions.classes):
        worst = labels[(labels < 0) | (labels >= len(predictions.classes))][0]
        raise RunError(
            f"label {worst} lies outside the {len(predictions.classes)} classes; "
            "the predictions belong to another data set or are damaged."
        )
    if not np.isfinite(logits).all():
        bad = int((~np.isfinite(logits)).any(axis=1).sum())
        raise RunError(f"{bad} of {len(labels)} pictures have NaN or infinite logits; the model has diverged.")
    return labels, logits


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    # Exact also where the softmax itself rounds to 0, which scikit-learn clips at 2e-16 (a loss of 36).
    shifted = logits - logits.max(axis=1, keepdims=True)
    result: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result


def _ranks(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """``(N,)`` place of the true class, 0 = predicted; on ties the lower index is first, as in argmax."""
    own = np.take_along_axis(logits, labels[:, None], axis=1)
    earlier = np.arange(logits.shape[1]) < labels[:, None]
    return ((logits > own) | ((logits == own) & earlier)).sum(axis=1)


def _share(right: int, total: int) -> dict[str, float | int]:
    low, high = wilson(right, total)
    return {"value": right / total, "low": float(low), "high": float(high), "correct": right}


def _mean(values: NDArray[np.float64]) -> Statistic:
    return lambda weights: weights @ values / weights.sum(axis=1)


def _balanced_accuracy(labels: NDArray[np.int64], correct: NDArray[np.bool_], classes: int) -> Statistic:
    def balanced_accuracy(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        true = group_sums(weights, labels, classes)
        right = group_sums(weights * correct, labels, classes)
        there = true > 0
        recalls = right / np.where(there, true, 1)
        return recalls.sum(axis=1) / there.sum(axis=1)

    return balanced_accuracy


def _macro_f1(labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> Statistic:
    def macro_f1(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        right = group_sums(weights * (labels == predicted), labels, classes)
        either = group_sums(weights, labels, classes) + group_sums(weights, predicted, classes)
        there = either > 0
        # F1 = 2 precision recall / (precision + recall) = 2 right / (true + predicted)
        f1 = 2 * right / np.where(there, either, 1)
        return f1.sum(axis=1) / there.sum(axis=1)

    return macro_f1


def _per_class(confusion: NDArray[np.int64], classes: tuple[str, ...]) -> list[dict[str, Any]]:
    right, true, predicted = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    precision = right / np.maximum(predicted, 1)
    recall = right / np.maximum(true, 1)
    f1 = 2 * right / np.maximum(true + predicted, 1)
    low, high = wilson(right, true)
    return [
        {
            "class": name,
            "pictures": int(true[c]),
            "precision": float(precision[c]),
            "recall": float(recall[c]),
            "f1": float(f1[c]),
            "recall_low": float(low[c]),
            "recall_high": float(high[c]),
        }
        for c, name in enumerate(classes)
    ]
