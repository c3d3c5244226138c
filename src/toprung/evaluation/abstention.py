"""What a model gains by keeping silent when it is unsure: accuracy against coverage, and a threshold that holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toprung.errors import DataError

# Thresholds are tried downwards from each start, until one fails. They are fixed beforehand, not taken from the
# data, and the allowed risk of error is shared among the starts: that is what makes the promise hold.
_STARTS = (0.99, 0.9, 0.75, 0.5)
_STEP = 0.01


@dataclass(frozen=True)
class CoverageCurve:
    """How right the surest answers are.

    Attributes:
        thresholds: ``(K,)`` float64 confidences that occur, falling.
        coverage: ``(K,)`` share of the pictures answered at this threshold or above it, rising to 1.
        accuracy: ``(K,)`` share of right answers among them.
        area: area under the risk-coverage curve (AURC), in [0, 1]: mean error rate over all coverages; lower is
            better.
    """

    thresholds: NDArray[np.float64]
    coverage: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    area: float


@dataclass(frozen=True)
class Threshold:
    """A confidence above which the wanted precision was shown to hold.

    Attributes:
        value: answer where the confidence is at least this.
        wanted: the precision asked for.
        level: confidence of the promise.
        pictures: pictures at or above ``value`` that it was shown on.
        correct: right answers among them.
    """

    value: float
    wanted: float
    level: float
    pictures: int
    correct: int


def coverage_curve(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> CoverageCurve:
    """Return accuracy against coverage as the threshold falls.

    Args:
        confidence: ``(N,)`` float64, probability of the predicted class.
        correct: ``(N,)`` bool.

    Raises:
        DataError: no pictures, or shapes disagree.

    Source:
        El-Yaniv & Wiener 2010, "On the foundations of noise-free selective classification"; area: Geifman, Uziel &
        El-Yaniv 2019, "Bias-reduced uncertainty estimation for deep neural classifiers". Pictures of equal
        confidence stand in random order there; here their mean is taken.
    """
    _check(confidence, correct)
    levels, index = np.unique(-confidence, return_inverse=True)
    sizes = np.bincount(index)
    errors = np.bincount(index, weights=~correct)
    answered, wrong = np.cumsum(sizes), np.cumsum(errors)
    share = np.repeat(errors / sizes, sizes)  # of each picture, in order: the chance that it is wrong
    risks = np.cumsum(share) / np.arange(1, len(share) + 1)
    return CoverageCurve(-levels, answered / len(correct), 1 - wrong / answered, float(risks.mean()))


def threshold_for_precision(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], wanted: float, *, level: float = 0.95
) -> Threshold | None:
    """Return the lowest threshold at which the precision is at least ``wanted``, with the given confidence.

    At each threshold of a fixed grid an exact binomial test asks whether so many right answers could come from a
    precision below ``wanted`` (the same as: is the Clopper-Pearson lower bound above it?). The tests run downwards
    from each of a few starts until one fails, and the starts share the risk ``1 - level``.

    Args:
        confidence: ``(N,)`` float64 in [0, 1], on pictures like those to come, not trained on.
        correct: ``(N,)`` bool.
        wanted: precision asked for, in (0, 1).
        level: in (0, 1): the share of such data sets for which the promise holds.

    Returns:
        The threshold, or ``None`` where no threshold can be shown to hold on so many pictures.

    Raises:
        DataError: no pictures, shapes disagree, or ``wanted`` or ``level`` is not in (0, 1).

    Source:
        Angelopoulos et al. 2021, "Learn then test", section 3 (fixed sequences with several starts); Clopper &
        Pearson 1934.
    """
    from scipy.special import bdtrc

    _check(confidence, correct)
    for name, share in (("precision", wanted), ("level", level)):
        if not 0 < share < 1:
            raise DataError(f"a {name} of {share!r} is not allowed: it must be between 0 and 1, such as 0.95.")
    risk = (1 - level) / len(_STARTS)
    found: Threshold | None = None
    for start in _STARTS:
        for place in range(round(start / _STEP), -1, -1):
            value = round(place * _STEP, 10)
            answered = confidence >= value
            pictures, right = int(answered.sum()), int((answered & correct).sum())
            # P(so many right answers or more | precision = wanted), the upper tail of the binomial
            chance = float(bdtrc(right - 1, pictures, wanted)) if right else 1.0
            if chance > risk:
                break
            if found is None or value < found.value:
                found = Threshold(value, wanted, level, pictures, right)
    return found


def _check(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> None:
    if confidence.ndim != 1 or confidence.shape != correct.shape:
        raise DataError(f"{confidence.shape} confidences stand beside {correct.shape} answers; they must match.")
    if len(confidence) == 0:
        raise DataError("there are no pictures, so nothing can be said of how right the model is.")
