"""A majority vote; ties go to the class with the higher mean probability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from toprung.evaluation.fusion import Answers, register


@register
@dataclass(frozen=True)
class Vote:
    """Each member has one vote; nothing is fitted."""

    NAME: ClassVar[str] = "vote"

    @classmethod
    def fit(cls, answers: Answers, labels: NDArray[np.int64], *, seed: int) -> Self:
        """Return the vote; it has nothing to fit."""
        return cls()

    def combine(self, answers: Answers) -> Answers:
        """Return the log of ``(votes + mean probability) / (M + 1)``: a vote always counts more than a probability.

        A mean probability is at most 1, and equal to 1 only where all members give all to one class, which then has
        all the votes too; so the class of most votes is always the first.
        """
        members, _, classes = answers.shape
        votes = np.eye(classes)[answers.argmax(axis=2)].sum(axis=0)
        shares = (votes + np.exp(answers).mean(axis=0)) / (members + 1)
        result: Answers = np.log(np.maximum(shares, np.finfo(np.float64).tiny))
        return result

    def weights(self, members: int) -> list[float]:
        """Return equal weights."""
        return [1 / members] * members

    def to_json(self) -> dict[str, Any]:
        """Return the method's name."""
        return {"method": self.NAME}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the vote."""
        return cls()
