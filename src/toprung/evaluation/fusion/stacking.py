"""A regularised logistic regression on the members' log-probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from toprung.errors import DataError
from toprung.evaluation.fusion import Answers, log_softmax, register

_STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
_FOLDS = 4
_FLOOR = -12.0  # log-probabilities below e^-12 say no more than that


@register
@dataclass(frozen=True)
class Stacking:
    """A linear model over what all members say of all classes.

    Attributes:
        coefficients: ``(C, M * C)``.
        intercepts: ``(C,)``.
        strength: C of scikit-learn, the inverse of the L2 penalty.
    """

    NAME: ClassVar[str] = "stacking"
    coefficients: tuple[tuple[float, ...], ...]
    intercepts: tuple[float, ...]
    strength: float

    @classmethod
    def fit(cls, answers: Answers, labels: NDArray[np.int64], *, seed: int) -> Self:
        """Fit a multinomial logistic regression; its penalty is chosen by cross-validated log-loss.

        Raises:
            DataError: a class that fewer than two of the pictures show.

        Source: Wolpert 1992, "Stacked generalization", Neural Networks 5; with class probabilities as Ting & Witten
            1999, "Issues in stacked generalization".
        """
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import StratifiedKFold

        counts = np.bincount(labels, minlength=answers.shape[2])
        if counts.min() < 2:
            raise DataError(
                f"stacking needs two pictures of each class to fit to, and class {int(counts.argmin())} has "
                f"{counts.min()}; use --method weighted."
            )
        features = _features(answers)
        folds = StratifiedKFold(min(_FOLDS, int(counts.min())), shuffle=True, random_state=seed % 2**32)
        parts = list(folds.split(features, labels))

        def loss(strength: float) -> float:
            total = 0.0
            for train, held in parts:
                model = LogisticRegression(C=strength, max_iter=2000).fit(features[train], labels[train])
                told = model.predict_log_proba(features[held])
                total -= float(told[np.arange(len(held)), labels[held]].sum())
            return total / len(labels)

        strength = min(_STRENGTHS, key=loss)
        model = LogisticRegression(C=strength, max_iter=2000).fit(features, labels)
        coefficients, intercepts = model.coef_, model.intercept_
        if len(intercepts) == 1:  # two classes: scikit-learn keeps one row, the score of the second class
            coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
            intercepts = np.concatenate([[0.0], intercepts])
        rows = tuple(tuple(map(float, row)) for row in coefficients)
        return cls(rows, tuple(map(float, intercepts)), float(strength))

    def combine(self, answers: Answers) -> Answers:
        """Return the regression's log-probabilities."""
        scores = _features(answers) @ np.asarray(self.coefficients).T + np.asarray(self.intercepts)
        return log_softmax(scores)

    def weights(self, members: int) -> None:
        """Return nothing: a member counts differently for each class."""

    def to_json(self) -> dict[str, Any]:
        """Return name, coefficients, intercepts and strength."""
        return {
            "method": self.NAME,
            "coefficients": [list(row) for row in self.coefficients],
            "intercepts": list(self.intercepts),
            "strength": self.strength,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return what was fitted."""
        rows = tuple(tuple(map(float, row)) for row in values["coefficients"])
        return cls(rows, tuple(map(float, values["intercepts"])), float(values["strength"]))


def _features(answers: Answers) -> NDArray[np.float64]:
    """Return ``(N, M * C)``: what each member says of each class."""
    members, pictures, classes = answers.shape
    clipped: NDArray[np.float64] = np.maximum(answers, _FLOOR).transpose(1, 0, 2).reshape(pictures, members * classes)
    return clipped
