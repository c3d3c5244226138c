"""The plain mean of the members' probabilities (a linear opinion pool)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from toprung.evaluation.fusion import Answers, register, weighted_mean


@register
@dataclass(frozen=True)
class MeanProbabilities:
    """All members count alike; nothing is fitted."""

    NAME: ClassVar[str] = "mean-probabilities"

    @classmethod
    def fit(cls, answers: Answers, labels: NDArray[np.int64], *, seed: int) -> Self:
        """Return the mean; it has nothing to fit."""
        return cls()

    def combine(self, answers: Answers) -> Answers:
        """Return the log of the mean probability."""
        return weighted_mean(answers, [1 / len(answers)] * len(answers))

    def weights(self, members: int) -> list[float]:
        """Return equal weights."""
        return [1 / members] * members

    def to_json(self) -> dict[str, Any]:
        """Return the method's name."""
        return {"method": self.NAME}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the mean."""
        return cls()
