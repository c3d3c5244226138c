"""A calibration: temperature, threshold and sets, fitted on some pictures and looked at on others.

Legend: N pictures, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toprung.errors import DataError
from toprung.evaluation.abstention import Threshold, coverage_curve, threshold_for_precision
from toprung.evaluation.calibration_errors import calibration_scores
from toprung.evaluation.conformal import (
    ConformalRule,
    calibrate_sets,
    calibrate_sets_by_class,
    uniform_of,
    with_likeliest,
)
from toprung.evaluation.intervals import wilson
from toprung.evaluation.predictions import Predictions, softmax
from toprung.evaluation.temperature import fit_temperature

_POINTS = 200  # of the curve that is kept: more than a chart has pixels
_FEWEST = 4  # pictures: two halves with something to fit and something to look at


@dataclass(frozen=True)
class CalibrationSettings:
    """What is asked for.

    Attributes:
        precision: wanted share of right answers among those given, in (0, 1).
        coverage: wanted share of sets that hold the true class, in (0, 1).
        method: how sets are made, a name in :data:`toprung.evaluation.conformal.METHODS`.
        by_class: keep the sets' promise for each class by itself.
        seed: of the random part of the sets and of the intervals.
    """

    precision: float = 0.95
    coverage: float = 0.9
    method: str = "lac"
    by_class: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Calibration:
    """What was fitted.

    Attributes:
        classes: the C class names.
        temperature: the logits are divided by it; 1 where no picture was answered wrongly, so that none can be fitted.
        threshold: the confidence to answer from, ``None`` where none could be shown to give the precision.
        rule: of the sets.
        seed: of the sets' random part.
    """

    classes: tuple[str, ...]
    temperature: float
    threshold: Threshold | None
    rule: ConformalRule
    seed: int

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return softmax(logits / T), float64, of the shape of ``logits``."""
        return softmax((logits.astype(np.float64) / self.temperature).astype(np.float32))


@dataclass(frozen=True)
class Applied:
    """What a calibration makes of N pictures.

    Attributes:
        probabilities: ``(N, C)`` float64, calibrated.
        answered: ``(N,)`` bool, confident enough for an answer; none where there is no threshold.
        sets: ``(N, C)`` bool, none empty.
    """

    probabilities: NDArray[np.float64]
    answered: NDArray[np.bool_]
    sets: NDArray[np.bool_]


def fit_calibration(predictions: Predictions, settings: CalibrationSettings) -> Calibration:
    """Fit temperature, then threshold and sets on the calibrated probabilities, all on the same pictures.

    One number fitted to all pictures moves the promises of threshold and sets by less than can be seen: simulations
    in the tests of this file hold that.

    Args:
        predictions: of pictures that were not trained on; unlabelled ones are left out.
        settings: what is asked for.

    Raises:
        DataError: no labelled pictures, or a setting that makes no sense.
    """
    known = labelled(predictions)
    correct = known.predicted == known.labels
    # Without a wrong answer the likeliest temperature is 0: the model would be sure of everything for ever.
    temperature = 1.0 if correct.all() else fit_temperature(known.logits, known.labels)
    probabilities = softmax((known.logits.astype(np.float64) / temperature).astype(np.float32))
    threshold = threshold_for_precision(probabilities.max(axis=1), correct, settings.precision)
    calibrate = calibrate_sets_by_class if settings.by_class else calibrate_sets
    rule = calibrate(
        probabilities,
        known.labels,
        uniform_of(known.hashes, settings.seed),
        method=settings.method,
        coverage=settings.coverage,
    )
    return Calibration(predictions.classes, temperature, threshold, rule, settings.seed)


def apply_calibration(calibration: Calibration, predictions: Predictions) -> Applied:
    """Apply a calibration to other pictures.

    Raises:
        DataError: the predictions are of other classes.
    """
    if predictions.classes != calibration.classes:
        raise DataError("the calibration was made for other classes than those of these predictions.")
    probabilities = calibration.probabilities(predictions.logits)
    least = calibration.threshold.value if calibration.threshold else np.inf
    sets = calibration.rule.sets(probabilities, uniform_of(predictions.hashes, calibration.seed))
    return Applied(probabilities, probabilities.max(axis=1) >= least, with_likeliest(sets, probabilities))


def apply_by_halves(predictions: Predictions, settings: CalibrationSettings) -> Applied:
    """Apply to each half of the pictures what was fitted on the other one, so that none is judged by itself.

    The halves hold the classes in equal shares, and equal files stand in the same one.

    Raises:
        DataError: too few pictures for two halves.
    """
    if len(predictions) < _FEWEST:
        raise DataError(f"{len(predictions)} pictures are too few to fit on one half and look at the other.")
    second = _second_half(predictions)
    classes = len(predictions.classes)
    probabilities = np.empty((len(predictions), classes))
    answered, sets = np.empty(len(predictions), dtype=bool), np.empty((len(predictions), classes), dtype=bool)
    for looked in (second, ~second):
        fitted = fit_calibration(_take(predictions, ~looked), settings)
        applied = apply_calibration(fitted, _take(predictions, looked))
        probabilities[looked], answered[looked], sets[looked] = applied.probabilities, applied.answered, applied.sets
    return Applied(probabilities, answered, sets)


def calibration_report(predictions: Predictions, applied: Applied, settings: CalibrationSettings) -> dict[str, Any]:
    """Say what the calibration is worth on pictures that it was not fitted on.

    Args:
        predictions: N labelled pictures.
        applied: what the calibration makes of them.
        settings: what was asked for.

    Returns:
        Plain values: ``pictures``; ``before`` and ``after``, see
        :func:`toprung.evaluation.calibration_errors.calibration_scores`; ``curve`` (``coverage``, ``accuracy``,
        ``threshold``, ``area``); ``answers`` (``wanted``, ``answered``, ``correct``, ``precision`` and ``coverage``
        with Wilson intervals, precision ``None`` where nothing is answered); ``sets`` (``wanted``, ``held``,
        ``coverage`` with interval, ``mean_size``, ``sizes``: size -> pictures, ``per_class``: class, pictures, held,
        coverage, low, high).
    """
    labels, rows = predictions.labels, np.arange(len(predictions))
    correct = predictions.predicted == labels
    confidence = applied.probabilities.max(axis=1)
    curve = coverage_curve(confidence, correct)
    kept = np.unique(np.linspace(0, len(curve.coverage) - 1, _POINTS).round().astype(int))
    given, right = int(applied.answered.sum()), int((applied.answered & correct).sum())
    held, sizes = applied.sets[rows, labels], applied.sets.sum(axis=1)
    return {
        "pictures": len(predictions),
        "before": calibration_scores(predictions.probabilities, labels, seed=settings.seed),
        "after": calibration_scores(applied.probabilities, labels, seed=settings.seed),
        "curve": {
            "coverage": curve.coverage[kept].tolist(),
            "accuracy": curve.accuracy[kept].tolist(),
            "threshold": curve.thresholds[kept].tolist(),
            "area": curve.area,
        },
        "answers": {
            "wanted": settings.precision,
            "answered": given,
            "correct": right,
            "precision": _share(right, given) if given else None,
            "coverage": _share(given, len(predictions)),
        },
        "sets": {
            "wanted": settings.coverage,
            "held": int(held.sum()),
            "coverage": _share(int(held.sum()), len(predictions)),
            "mean_size": float(sizes.mean()),
            "sizes": {str(size): int(count) for size, count in enumerate(np.bincount(sizes)) if count},
            "per_class": [_of_class(name, held[labels == c]) for c, name in enumerate(predictions.classes)],
        },
    }


def labelled(predictions: Predictions) -> Predictions:
    """Return the predictions without pictures of unknown label.

    Raises:
        DataError: none is left.
    """
    known = predictions.labels != -1
    if not known.any():
        raise DataError(f"none of {len(predictions)} pictures has a label, so there is nothing to calibrate against.")
    return predictions if known.all() else _take(predictions, known)


def _take(predictions: Predictions, chosen: NDArray[np.bool_]) -> Predictions:
    rows = np.flatnonzero(chosen)
    return Predictions(
        tuple(predictions.paths[row] for row in rows),
        tuple(predictions.hashes[row] for row in rows),
        predictions.labels[rows],
        predictions.logits[rows],
        predictions.classes,
    )


def _second_half(predictions: Predictions) -> NDArray[np.bool_]:
    keys = [
        (int(label), content or path)
        for label, content, path in zip(predictions.labels, predictions.hashes, predictions.paths, strict=True)
    ]
    half = {key: place % 2 == 1 for place, key in enumerate(sorted(set(keys)))}
    return np.asarray([half[key] for key in keys])


def _share(part: int, whole: int) -> dict[str, float]:
    low, high = wilson(part, whole)
    return {"value": part / whole, "low": float(low), "high": float(high)}


def _of_class(name: str, held: NDArray[np.bool_]) -> dict[str, Any]:
    count, inside = len(held), int(held.sum())
    low, high = wilson(inside, count)
    share = inside / count if count else None
    return {"class": name, "pictures": count, "held": inside, "coverage": share, "low": float(low), "high": float(high)}
