"""A whole fusion: a temperature for each member, a way to put them together, a temperature for the answer.

Legend: M members, N pictures, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from toprung.errors import DataError, RunError
from toprung.evaluation.fusion import Answers, Combiner, combiner_from_json, log_softmax, method
from toprung.evaluation.temperature import fit_temperature

LEAST, MOST = 0.2, 5.0
"""Bounds of temperatures: where every selection picture is answered right, the likeliest one would be 0."""
_FOLDS = 5


@dataclass(frozen=True)
class Fusion:
    """What was fitted on the selection split.

    Attributes:
        temperatures: by which each member's logits are divided first.
        combiner: how the members' answers are put together.
        temperature: by which the fused log-probabilities are divided last.
    """

    temperatures: tuple[float, ...]
    combiner: Combiner
    temperature: float

    @property
    def method(self) -> str:
        """The name of the method."""
        return self.combiner.NAME

    def combine(self, logits: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return ``(N, C)`` float32 log-probabilities of the fused model.

        Args:
            logits: of each member, ``(N, C)``, classes in the order of the fusion.
        """
        if len(logits) != len(self.temperatures):
            raise RunError(f"the fusion has {len(self.temperatures)} members, and {len(logits)} answered.")
        answers = np.stack([log_softmax(one / t) for one, t in zip(logits, self.temperatures, strict=True)])
        fused: NDArray[np.float32] = log_softmax(self.combiner.combine(answers) / self.temperature).astype(np.float32)
        return fused

    def to_json(self) -> dict[str, Any]:
        """Return all as plain values."""
        return {
            "temperatures": list(self.temperatures),
            "temperature": self.temperature,
            **self.combiner.to_json(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return what :meth:`to_json` wrote.

        Raises:
            RunError: damaged, or of a newer version.
        """
        try:
            temperatures = tuple(map(float, values["temperatures"]))
            return cls(temperatures, combiner_from_json(values), float(values["temperature"]))
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"the fusion cannot be read ({error}); it is damaged or of a newer toprung.") from error


def fit_fusion(
    name: str, logits: Sequence[NDArray[np.float32]], labels: NDArray[np.int64], *, seed: int, tempered: bool = True
) -> Fusion:
    """Fit members' temperatures, the method, and the temperature of the answer, in this order.

    The last is fitted to answers of methods that were fitted without the picture: on its own pictures a flexible method
    looks surer than it may be.

    Args:
        name: of the method.
        logits: of each member, ``(N, C)``.
        labels: ``(N,)`` true classes.
        seed: of what is drawn.
        tempered: scale each member by its own temperature first.

    Raises:
        RecipeError: no such method.
        DataError: the method cannot be fitted to these pictures.
    """
    temperatures = tuple(_temperature(one, labels) if tempered else 1.0 for one in logits)
    answers = np.stack([log_softmax(one / t) for one, t in zip(logits, temperatures, strict=True)])
    combiner = method(name).fit(answers, labels, seed=seed)
    return Fusion(temperatures, combiner, _temperature(_held_out(name, answers, labels, seed), labels))


def folds_of(labels: NDArray[np.int64], seed: int) -> list[NDArray[np.int64]]:
    """Return five parts of the pictures with the classes spread evenly over them, as rows in order."""
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    count = min(_FOLDS, len(labels))
    return [np.sort(order[part::count]) for part in range(count)]


def _held_out(name: str, answers: Answers, labels: NDArray[np.int64], seed: int) -> Answers:
    """Return ``(N, C)`` fused answers, each by a method that was fitted without the picture where that can be."""
    found = method(name).fit(answers, labels, seed=seed).combine(answers)
    if len(labels) < 2:
        return found
    for held in folds_of(labels, seed + 1):
        kept = np.setdiff1d(np.arange(len(labels)), held)
        try:
            found[held] = method(name).fit(answers[:, kept], labels[kept], seed=seed).combine(answers[:, held])
        except DataError:  # a class that only these pictures show
            continue
    return found


def _temperature(scores: NDArray[Any], labels: NDArray[np.int64]) -> float:
    return float(np.clip(fit_temperature(scores.astype(np.float32), labels), LEAST, MOST))
