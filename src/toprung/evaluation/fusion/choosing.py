"""Which way of fusing to take, judged on pictures that it was not fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toprung.errors import DataError
from toprung.evaluation.fusion import log_loss, method_names
from toprung.evaluation.fusion.fused import fit_fusion, folds_of

LEFT_OUT = ("vote",)  # its probabilities are coarse, so that the log-loss would never choose it


@dataclass(frozen=True)
class Candidate:
    """A method's answers on the selection split, each given by a fusion that was fitted without that picture.

    Attributes:
        method: its name.
        losses: ``(N,)`` nats.
        correct: ``(N,)`` bool.
    """

    method: str
    losses: NDArray[np.float64]
    correct: NDArray[np.bool_]

    @property
    def log_loss(self) -> float:
        """Mean loss in nats."""
        return float(self.losses.mean())

    @property
    def accuracy(self) -> float:
        """Share answered right."""
        return float(self.correct.mean())


def cross_fitted(
    name: str, logits: Sequence[NDArray[np.float32]], labels: NDArray[np.int64], *, seed: int, tempered: bool = True
) -> Candidate:
    """Return a method's answers by cross-fitting: fitted to four fifths, judged on the rest, five times.

    Raises:
        DataError: the method cannot be fitted to these pictures.
    """
    losses = np.empty(len(labels))
    correct = np.empty(len(labels), dtype=bool)
    for held in folds_of(labels, seed):
        kept = np.setdiff1d(np.arange(len(labels)), held)
        fusion = fit_fusion(name, [one[kept] for one in logits], labels[kept], seed=seed, tempered=tempered)
        answers = fusion.combine([one[held] for one in logits]).astype(np.float64)
        losses[held] = log_loss(answers, labels[held])
        correct[held] = answers.argmax(axis=1) == labels[held]
    return Candidate(name, losses, correct)


def choose_method(
    logits: Sequence[NDArray[np.float32]], labels: NDArray[np.int64], *, seed: int, tempered: bool = True
) -> tuple[str, list[Candidate]]:
    """Return the method to take, and how each did by cross-fitting.

    The method of the lowest log-loss is taken, on pictures that it was not fitted to, so that one that is too flexible
    for so few pictures shows it; of equals the plainest.

    Returns:
        Its name, and the candidates from the plainest on; those that cannot be fitted here are left out.
    """
    candidates = []
    for name in method_names():
        if name in LEFT_OUT:
            continue
        try:
            candidates.append(cross_fitted(name, logits, labels, seed=seed, tempered=tempered))
        except DataError:
            continue
    return min(candidates, key=lambda one: round(one.log_loss, 9)).method, candidates
