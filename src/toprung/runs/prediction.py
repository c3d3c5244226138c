"""What a model says of one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toprung.evaluation.predictions import softmax


@dataclass(frozen=True)
class Prediction:
    """What the model says of one picture.

    Attributes:
        name: the most probable class.
        probability: its probability, in [0, 1].
        probabilities: of every class, by name, most probable first.
    """

    name: str
    probability: float
    probabilities: dict[str, float]

    @classmethod
    def of(cls, classes: Sequence[str], logits: NDArray[np.float32]) -> Prediction:
        """Return what logits ``(C,)`` say."""
        shares = softmax(logits)
        named = {classes[place]: float(shares[place]) for place in np.argsort(-shares, kind="stable")}
        first = next(iter(named))
        return cls(first, named[first], named)

    def top(self, count: int) -> list[tuple[str, float]]:
        """Return the ``count`` most probable classes with their probabilities."""
        return list(self.probabilities.items())[:count]
