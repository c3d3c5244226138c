"""Labels that are probably wrong, found by confident learning; and mistakes that many models share.

The predictions must be out of sample: val, test, or out-of-fold. A model knows its training labels by heart,
the wrong ones too, and would find nothing.

Legend: M models, N pictures, C classes; i is the given label, j the class that the model is sure of.

Source:
    Northcutt, Jiang & Chuang 2021, "Confident learning: estimating uncertainty in dataset labels", JAIR 70.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from toprung.errors import DataError
from toprung.evaluation.alignment import Aligned, align
from toprung.evaluation.predictions import Predictions


@dataclass(frozen=True)
class Candidate:
    """A picture whose label should be looked at.

    Attributes:
        path: file, as text.
        hash: content hash of the file.
        label: class named by the label.
        suggested: class that the models hold for right.
        agreement: how many models hold ``suggested`` for right.
        confidence: mean probability of ``suggested`` over all models, in [0, 1].
        self_confidence: mean probability of ``label`` over all models, in [0, 1].
    """

    path: str
    hash: str
    label: str
    suggested: str
    agreement: int
    confidence: float
    self_confidence: float

    @property
    def margin(self) -> float:
        """How much likelier the suggestion is than the label, in (-1, 1]."""
        return self.confidence - self.self_confidence


def class_bars(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how sure the model must be of each class to count as sure.

    The bar of a class is the mean probability that the model gives to it on the pictures labelled so: low for a
    class that it always hesitates on, high for one that it is sure of.

    Args:
        probabilities: ``(N, C)`` float64.
        labels: ``(N,)`` int64 in 0 … C - 1.

    Returns:
        ``(C,)`` float64; infinite for a class without pictures, which nothing is then moved to.

    Raises:
        DataError: shapes disagree, or a label lies outside the classes.

    Source:
        Northcutt et al. 2021, eq. 2.
    """
    _check(probabilities, labels)
    classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, weights=probabilities[np.arange(len(labels)), labels], minlength=classes)
    bars: NDArray[np.float64] = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    return bars


def confident_classes(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the class that the model is sure of for each picture: the likeliest one among those over their bar.

    Args:
        probabilities: ``(N, C)`` float64.
        labels: ``(N,)`` int64.

    Returns:
        ``(N,)`` int64, -1 where no class reaches its bar.

    Raises:
        DataError: as :func:`class_bars`.

    Source:
        Northcutt et al. 2021, eq. 1.
    """
    # A class of one picture has that picture's own probability for a bar: a rounding must not lift it over.
    over = probabilities >= class_bars(probabilities, labels) - 1e-9
    likeliest = np.where(over, probabilities, -1.0).argmax(axis=1)
    sure: NDArray[np.int64] = np.where(over.any(axis=1), likeliest, -1).astype(np.int64)
    return sure


def confident_joint(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the pictures labelled i for which the model is sure of j.

    Args:
        probabilities: ``(N, C)`` float64.
        labels: ``(N,)`` int64.

    Returns:
        ``(C, C)`` int64, rows given labels, columns sure classes; pictures that it is not sure of are in no cell.

    Raises:
        DataError: as :func:`class_bars`.

    Source:
        Northcutt et al. 2021, eq. 1.
    """
    sure = confident_classes(probabilities, labels)
    classes, counted = probabilities.shape[1], sure >= 0
    cells = labels[counted] * classes + sure[counted]
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes).astype(np.int64)


def estimated_joint(joint: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Estimate which share of all pictures is labelled i and truly j.

    Args:
        joint: ``(C, C)`` from :func:`confident_joint`.
        labels: ``(N,)`` int64, the same ones, N at least 1.

    Returns:
        ``(C, C)`` float64 that sums to 1; each row sums to the share of its label. A label of which the model is
        never sure counts as right.

    Raises:
        DataError: no labels.

    Source:
        Northcutt et al. 2021, eq. 3.
    """
    if len(labels) == 0:
        raise DataError("there are no labels, so nothing can be said of how many are wrong.")
    counts = joint.astype(np.float64)
    never = counts.sum(axis=1) == 0
    counts[never, never] = 1.0
    rows = np.bincount(labels, minlength=len(joint))
    result: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True) * rows[:, None] / len(labels)
    return result


def label_error_candidates(predictions: Sequence[Predictions], *, at_least: int | None = None) -> list[Candidate]:
    """Return the pictures whose label is probably wrong, the most doubtful first.

    Each model has its own say: it doubts a label where it is sure of another class (off the diagonal of its
    confident joint). A picture is a candidate when enough models suggest the same other class.

    Args:
        predictions: of at least one model, on the same pictures, which none of them was trained on.
        at_least: models that must agree; more than half of them where ``None``.

    Returns:
        Candidates by falling agreement, then by falling margin (normalised margin, section 3.2 of the paper).

    Raises:
        RunError: pictures, labels or classes differ, or there are none.
    """
    together = align(predictions)
    sure = np.stack([confident_classes(model, together.labels) for model in together.probabilities])
    suggested, agreement = _most_said(np.where(sure == together.labels, -1, sure), together)
    return _ranked(together, suggested, agreement, agreement >= _wanted(at_least, len(predictions), "majority"))


def shared_mistakes(predictions: Sequence[Predictions], *, at_least: int | None = None) -> list[Candidate]:
    """Return the pictures that many models get wrong, those with the most agreement first.

    ``suggested`` is the wrong answer given most often, ``agreement`` the number of models that give it.

    Args:
        predictions: of at least one model, on the same pictures.
        at_least: models that must be wrong, whatever they answer; all of them where ``None``.

    Returns:
        Pictures by falling agreement on one other class, then by falling margin.

    Raises:
        RunError: pictures, labels or classes differ, or there are none.
    """
    together = align(predictions)
    answers = together.probabilities.argmax(axis=2)
    wrong = answers != together.labels
    suggested, agreement = _most_said(np.where(wrong, answers, -1), together)
    return _ranked(together, suggested, agreement, wrong.sum(axis=0) >= _wanted(at_least, len(predictions), "all"))


def _wanted(at_least: int | None, models: int, otherwise: Literal["majority", "all"]) -> int:
    if at_least is None:
        return models if otherwise == "all" else models // 2 + 1
    if not 1 <= at_least <= models:
        raise DataError(f"at_least = {at_least} is not allowed: it must be between 1 and {models}, the models given.")
    return at_least


def _most_said(said: NDArray[np.int64], together: Aligned) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, per picture, the class that most models name and how many do.

    ``said`` is ``(M, N)``, -1 where a model names none.
    """
    mean = together.probabilities.mean(axis=0)
    votes = np.zeros(mean.shape)
    for model in said:
        rows = np.flatnonzero(model >= 0)
        votes[rows, model[rows]] += 1
    suggested = (votes + mean / 2).argmax(axis=1)  # of classes named equally often, the likelier one
    return suggested, votes[np.arange(len(votes)), suggested].astype(np.int64)


def _ranked(
    together: Aligned, suggested: NDArray[np.int64], agreement: NDArray[np.int64], kept: NDArray[np.bool_]
) -> list[Candidate]:
    mean = together.probabilities.mean(axis=0)
    found = [
        Candidate(
            path=together.paths[row],
            hash=together.hashes[row],
            label=together.classes[together.labels[row]],
            suggested=together.classes[suggested[row]],
            agreement=int(agreement[row]),
            confidence=float(mean[row, suggested[row]]),
            self_confidence=float(mean[row, together.labels[row]]),
        )
        for row in np.flatnonzero(kept)
    ]
    return sorted(found, key=lambda one: (-one.agreement, -one.margin, one.path))


def _check(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> None:
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise DataError(f"probabilities of shape {probabilities.shape} do not go with {labels.shape} labels.")
    if len(labels) and not 0 <= labels.min() <= labels.max() < probabilities.shape[1]:
        raise DataError(
            f"labels run from {labels.min()} to {labels.max()}, but there are {probabilities.shape[1]} classes."
        )
