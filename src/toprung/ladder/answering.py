"""What a line of a prediction says beyond the likeliest classes: calibrated, abstaining, with a set of classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from toprung.errors import RunError
from toprung.evaluation.calibrated import Calibration
from toprung.evaluation.conformal import conformal_method, uniform_of, with_likeliest
from toprung.evaluation.predictions import softmax
from toprung.images.files import content_hash, read_content
from toprung.runs.calibration import calibration_to_json, read_calibration
from toprung.runs.folder import RunFolder

SEPARATOR = "|"  # between the classes of a set


@dataclass(frozen=True)
class Answers:
    """How pictures are answered; without anything, by the plain softmax.

    Attributes:
        calibration: the probabilities are its.
        threshold: below this confidence no label is given.
        sets: name the set of classes that hold the true one as often as calibrated for.
    """

    calibration: Calibration | None = None
    threshold: float | None = None
    sets: bool = False

    @property
    def columns(self) -> list[str]:
        """Names of the added columns."""
        return [*(["abstained"] if self.threshold is not None else []), *(["set"] if self.sets else [])]

    @property
    def settings(self) -> dict[str, Any]:
        """What the lines depend on; empty for plain answers."""
        if not self.columns and self.calibration is None:
            return {}
        calibration = calibration_to_json(self.calibration) if self.calibration else None
        return {"calibration": calibration, "threshold": self.threshold, "sets": self.sets}

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return ``(C,)`` probabilities of the classes for ``(C,)`` logits."""
        return softmax(logits) if self.calibration is None else self.calibration.probabilities(logits)

    def abstains(self, probabilities: NDArray[np.float64]) -> bool:
        """Return whether no class is sure enough to be named."""
        return self.threshold is not None and float(probabilities.max()) < self.threshold

    def cells(self, path: Path, probabilities: NDArray[np.float64]) -> list[str]:
        """Return the values of the added columns."""
        cells = []
        if self.threshold is not None:
            cells.append("abstained" if self.abstains(probabilities) else "")
        if self.sets and self.calibration is not None:
            cells.append(SEPARATOR.join(self._set(self.calibration, path, probabilities)))
        return cells

    def _set(self, calibration: Calibration, path: Path, probabilities: NDArray[np.float64]) -> list[str]:
        rule = calibration.rule
        # The random part comes from the file's content: the same picture has the same set, wherever it lies.
        content = content_hash(read_content(path)) if conformal_method(rule.method).randomised else ""
        row = probabilities[None]
        inside = with_likeliest(rule.sets(row, uniform_of([content], calibration.seed)), row)[0]
        return [calibration.classes[c] for c in np.argsort(-probabilities, kind="stable") if inside[c]]


PLAIN = Answers()


def answers_of(run: Path, *, calibrated: bool, threshold: float | Literal["auto"] | None, sets: bool) -> Answers:
    """Return how a run's model is to answer.

    The stored threshold and sets are of calibrated probabilities, so ``auto`` and ``sets`` calibrate as well.

    Args:
        run: the folder; its ``calibration.json`` is read where it is needed.
        calibrated: probabilities by the stored temperature.
        threshold: a confidence in [0, 1], the stored one, or none.
        sets: name a set of classes for each picture.

    Raises:
        RunError: there is no calibration, or it has no threshold.
    """
    if not (calibrated or sets or threshold == "auto"):
        return Answers(threshold=threshold)
    calibration = read_calibration(RunFolder(run))
    if threshold == "auto":
        if calibration.threshold is None:
            raise RunError(
                f"no threshold could be shown to give the precision asked for when {run} was calibrated; give one "
                f"yourself (--threshold 0.8), or ask for less with `toprung calibrate {run} --precision 0.8`."
            )
        threshold = calibration.threshold.value
    return Answers(calibration, threshold, sets)
