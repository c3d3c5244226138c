"""What views or tiles gave: the same pictures, with them and without."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from toprung.evaluation.intervals import Interval, bootstrap
from toprung.evaluation.predictions import Predictions
from toprung.evaluation.significance import mcnemar
from toprung.ladder.display import Display
from toprung.ladder.validating import ValidationResult, validate_source
from toprung.runs.folder import RunFolder
from toprung.runs.scores import stored_scores
from toprung.runs.wrapping import PictureClassifier


@dataclass(frozen=True)
class Gain:
    """Accuracy with a method against plain prediction.

    Attributes:
        plain: accuracy of plain prediction, in [0, 1].
        accuracy: with the method.
        low, high: 95 % interval of the difference, paired bootstrap over pictures.
        gained: pictures that only the method has right.
        lost: pictures that only plain prediction has right.
        p_value: McNemar's exact test of the two counts.
    """

    plain: float
    accuracy: float
    low: float
    high: float
    gained: int
    lost: int
    p_value: float

    @property
    def difference(self) -> float:
        """Accuracy with the method minus that without."""
        return self.accuracy - self.plain

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self) | {"difference": self.difference}

    def sentences(self) -> list[str]:
        """Return what a person is told."""
        points = [f"{100 * value:+.2f}" for value in (self.difference, self.low, self.high)]
        verdict = "told apart from chance" if self.p_value < 0.05 else "not told apart from chance"
        return [
            f"plain {self.plain:.2%}, so {self.accuracy:.2%} is {points[0]} points (95 % interval {points[1]} … "
            f"{points[2]})",
            f"{self.gained} pictures gained, {self.lost} lost, p = {self.p_value:.2g} (McNemar, exact): {verdict}",
        ]


def validate_own(
    run: RunFolder, classifier: PictureClassifier, *, split: str | None, display: Display, batch_size: int = 32
) -> tuple[ValidationResult, Gain | None]:
    """Score a run's own pictures anew, and compare with the plain predictions that the run holds.

    Args:
        run: the run; its pictures must stand where its table says.
        classifier: its model, with views or tiles around it.
        split: ``val`` or ``test``; ``None`` for test where there is one, else val.
        display: where to show progress.
        batch_size: inputs per forward pass.

    Returns:
        The result, and the gain; ``None`` for it where a picture can no longer be read, so that nothing compares.

    Raises:
        RunError: the run holds no predictions for this split.
        DataError: no picture of the split can be read.
    """
    chosen = str(stored_scores(run, split)["split"])
    plain = Predictions.read(run.predictions_file(chosen))
    result = validate_source(classifier, run.table_file, split=chosen, display=display, batch_size=batch_size)
    return result, None if result.unreadable else gain_over_plain(plain, result.predictions)


def gain_over_plain(plain: Predictions, other: Predictions) -> Gain:
    """Compare a method with plain prediction on the same pictures.

    Args:
        plain: the run's own predictions of a split.
        other: those of the same model on the same pictures, with the method.

    Raises:
        RunError: other pictures or other labels.
    """
    outcome = mcnemar(other, plain)
    low, high = _interval(outcome.first_only, outcome.second_only, outcome.pictures)
    return Gain(
        plain=(outcome.both + outcome.second_only) / outcome.pictures,
        accuracy=(outcome.both + outcome.first_only) / outcome.pictures,
        low=low,
        high=high,
        gained=outcome.first_only,
        lost=outcome.second_only,
        p_value=outcome.p_value,
    )


def _interval(gained: int, lost: int, pictures: int) -> Interval:
    """Return the 95 % bootstrap interval of the difference in accuracy: resampled pictures keep both their answers."""
    change = np.repeat([1.0, -1.0, 0.0], [gained, lost, pictures - gained - lost])
    return bootstrap({"difference": lambda weights: weights @ change / pictures}, pictures, resamples=2000)[
        "difference"
    ]
