"""The plain mean of the members' log-probabilities (a logarithmic opinion pool), normalised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from toprung.evaluation.fusion import Answers, log_softmax, register


@register
@dataclass(frozen=True)
class MeanLogits:
    """All members count alike; a class that one member rules out is ruled out. Nothing is fitted."""

    NAME: ClassVar[str] = "mean-logits"

    @classmethod
    def fit(cls, answers: Answers, labels: NDArray[np.int64], *, seed: int) -> Self:
        """Return the mean; it has nothing to fit."""
        return cls()

    def combine(self, answers: Answers) -> Answers:
        """Return the normalised mean log-probability."""
        return log_softmax(answers.mean(axis=0))

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
