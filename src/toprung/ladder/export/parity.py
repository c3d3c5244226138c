"""Does an exported model answer as the run does? Asked with pictures, before the file gets its name."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toprung.evaluation.predictions import softmax
from toprung.ladder.export.formats import Answer

ALLOWED = {False: 1e-3, True: 2e-2}
"""Whether numbers have 16 bits -> the largest difference of a probability, and of a logit in units of the largest one.

Other kernels add in another order: in float32 that moves logits by some millionths of their size, with 16 bits by some
thousandths.
"""

_BATCHES = (1, 16)  # pictures in the first batch, and in the others: an exported model must take any number


@dataclass(frozen=True)
class Parity:
    """How far an exported model and its run are apart.

    Attributes:
        pictures: how many were asked about.
        source: where they are from: ``val``, ``test`` or ``drawn``.
        same_top1: for how many both name the same class first.
        logits: largest absolute difference of a logit.
        largest_logit: the largest absolute logit of the run.
        probabilities: largest absolute difference of a probability.
        allowed: of probabilities, and of logits in units of the largest one (or of 1, where that is smaller).
    """

    pictures: int
    source: str
    same_top1: int
    logits: float
    largest_logit: float
    probabilities: float
    allowed: float

    @property
    def holds(self) -> bool:
        """Whether the exported model may take the run's place."""
        return (
            self.same_top1 == self.pictures
            and self.probabilities <= self.allowed
            and self.logits <= self.allowed * max(self.largest_logit, 1.0)
        )

    def sentence(self) -> str:
        """Return the numbers in words."""
        return (
            f"{self.pictures} pictures ({self.source}): same first class for {self.same_top1}, "
            f"largest difference of a logit {self.logits:.2g}, of a probability {self.probabilities:.2g} "
            f"(allowed {self.allowed:g})"
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def compare(expected: NDArray[np.float32], found: NDArray[np.float32], *, source: str, allowed: float) -> Parity:
    """Compare logits ``(N, C)`` of a run with those of its export."""
    gap = np.abs(expected.astype(np.float64) - found)
    shares = np.abs(softmax(expected) - softmax(found))
    return Parity(
        pictures=len(expected),
        source=source,
        same_top1=int((expected.argmax(axis=1) == found.argmax(axis=1)).sum()),
        # a NaN is further away than any number
        logits=float(np.nan_to_num(gap, nan=np.inf).max()),
        largest_logit=float(np.abs(expected).max()),
        probabilities=float(np.nan_to_num(shares, nan=np.inf).max()),
        allowed=allowed,
    )


def answers(answer: Answer, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return logits ``(N, C)`` of pictures ``(N, 3, H, W)``, asked for in batches of different sizes."""
    first, later = _BATCHES
    starts = [0, *range(first, len(images), later)]
    parts = [images[start:end] for start, end in zip(starts, [*starts[1:], len(images)], strict=True)]
    return np.concatenate([answer(part) for part in parts])
