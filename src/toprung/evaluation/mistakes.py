"""The pictures worth looking at: confident mistakes, labels that may be wrong, classes that are confused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toprung.evaluation.label_errors import confident_classes
from toprung.evaluation.predictions import Predictions


@dataclass(frozen=True)
class Mistake:
    """One picture where the model and the label disagree.

    Attributes:
        row: its place in the predictions.
        path: file, as text.
        true: class named by the label.
        other: class the model holds for right.
        probability: the model's probability of ``other``, in [0, 1].
        true_probability: the model's probability of ``true``, in [0, 1].
    """

    row: int
    path: str
    true: str
    other: str
    probability: float
    true_probability: float


@dataclass(frozen=True)
class Confusion:
    """Two classes of which one is taken for the other.

    Attributes:
        true: class named by the labels.
        predicted: class the model answered.
        count: pictures of ``true`` answered as ``predicted``.
        total: pictures of ``true``.
    """

    true: str
    predicted: str
    count: int
    total: int

    @property
    def share(self) -> float:
        """Share of the pictures of ``true`` answered so, in (0, 1]."""
        return self.count / self.total


def confident_mistakes(predictions: Predictions, *, limit: int | None = None) -> list[Mistake]:
    """Return the pictures answered wrongly, the surest wrong answer first.

    Args:
        predictions: N pictures; those of unknown label (-1) are left out.
        limit: return at most so many, ``None`` for all.

    Returns:
        Mistakes by falling probability of the wrong answer; equal ones in the order of the pictures.
    """
    probabilities, predicted = predictions.probabilities, predictions.predicted
    rows = np.flatnonzero((predictions.labels >= 0) & (predicted != predictions.labels))
    order = np.argsort(-probabilities[rows, predicted[rows]], kind="stable")
    return [_mistake(predictions, probabilities, int(row), int(predicted[row])) for row in rows[order][:limit]]


def doubtful_labels(predictions: Predictions, *, limit: int | None = None) -> list[Mistake]:
    """Return the pictures whose label is probably wrong: the model is sure of another class.

    "Sure" has its own bar per class, the mean probability that the model gives to the class on the pictures
    labelled so: a class that the model always hesitates on has a low bar, one it is sure of a high one.
    Meaningful for pictures the model was not trained on (val, test): it learns training labels by heart.

    Args:
        predictions: N pictures; those of unknown label (-1) are left out.
        limit: return at most so many, ``None`` for all.

    Returns:
        The most doubtful first: by the margin of the other class's probability over the label's own.
        ``other`` is the likeliest class that passes its bar; it is never the label.

    Source:
        Northcutt et al. 2021, "Confident learning: estimating uncertainty in dataset labels", eq. 1 and 2
        (confident joint, off-diagonal); ranked by normalised margin, their section 3.2.
    """
    known = np.flatnonzero(predictions.labels >= 0)
    if len(known) == 0:
        return []
    labels, probabilities = predictions.labels, predictions.probabilities
    own = probabilities[known, labels[known]]
    likeliest = confident_classes(probabilities[known], labels[known])
    doubtful = (likeliest >= 0) & (likeliest != labels[known])
    margins = probabilities[known, likeliest] - own
    order = np.argsort(-margins, kind="stable")
    picked = [i for i in order if doubtful[i]][:limit]
    return [_mistake(predictions, probabilities, int(known[i]), int(likeliest[i])) for i in picked]


def confused_pairs(
    confusion: Sequence[Sequence[int]], classes: Sequence[str], *, limit: int | None = None
) -> list[Confusion]:
    """Return which class is taken for which, the most frequent confusion first.

    Args:
        confusion: ``(C, C)`` counts, rows true, columns predicted.
        classes: the C class names.
        limit: return at most so many, ``None`` for all.

    Returns:
        The pairs that occur, by falling count, then by falling share of the true class.
    """
    counts = np.asarray(confusion, dtype=np.int64).reshape(len(classes), len(classes))
    totals = counts.sum(axis=1)
    wrong = counts - np.diag(np.diag(counts))
    pairs = [
        Confusion(classes[t], classes[p], int(wrong[t, p]), int(totals[t]))
        for t, p in zip(*np.nonzero(wrong), strict=True)
    ]
    pairs.sort(key=lambda pair: (-pair.count, -pair.share))
    return pairs[:limit]


def _mistake(predictions: Predictions, probabilities: NDArray[np.float64], row: int, other: int) -> Mistake:
    label = int(predictions.labels[row])
    return Mistake(
        row=row,
        path=predictions.paths[row],
        true=predictions.classes[label],
        other=predictions.classes[other],
        probability=float(probabilities[row, other]),
        true_probability=float(probabilities[row, label]),
    )
