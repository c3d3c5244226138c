"""Put the answers of several models together. A new way is a file here with a class under ``@register``.

Fitting needs labelled pictures and may need SciPy or scikit-learn; applying what was fitted needs NumPy alone.

Legend: M members, N pictures, C classes.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from toprung.errors import RecipeError, RunError, nearest

Answers = NDArray[np.float64]
"""``(M, N, C)`` log-probabilities; or ``(N, C)`` of the fused model."""

_NAMES = ("mean-probabilities", "mean-logits", "weighted", "greedy", "stacking", "vote")
_METHODS: dict[str, type[Combiner]] = {}
_Kind = TypeVar("_Kind", bound="type[Combiner]")


class Combiner(Protocol):
    """A fitted way to put answers together."""

    NAME: ClassVar[str]

    @classmethod
    def fit(cls, answers: Answers, labels: NDArray[np.int64], *, seed: int) -> Self:
        """Fit to the members' log-probabilities ``(M, N, C)`` and the true classes ``(N,)``."""

    def combine(self, answers: Answers) -> Answers:
        """Return ``(N, C)`` log-probabilities of the fused model; rows of ``exp`` sum to 1."""

    def weights(self, members: int) -> list[float] | None:
        """Return how much each member counts, adding up to 1; ``None`` where that is no single number."""

    def to_json(self) -> dict[str, Any]:
        """Return what was fitted as plain values."""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return what :meth:`to_json` wrote."""


def register(kind: _Kind) -> _Kind:
    """Add a method under its ``NAME``."""
    _METHODS[kind.NAME] = kind
    return kind


def method_names() -> tuple[str, ...]:
    """Return the names of all methods, the plainest first."""
    return _NAMES


def method(name: str) -> type[Combiner]:
    """Return a method by its name.

    Raises:
        RecipeError: there is none of this name.
    """
    if name not in _NAMES:
        raise RecipeError(f"there is no fusion method {name!r}; there are {', '.join(_NAMES)}.{nearest(name, _NAMES)}")
    importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return _METHODS[name]


def combiner_from_json(values: Mapping[str, Any]) -> Combiner:
    """Return the fitted method that ``{"method": name, ...}`` tells.

    Raises:
        RunError: damaged, or of a newer version.
    """
    try:
        return method(str(values["method"])).from_json(values)
    except (KeyError, TypeError, ValueError, RecipeError) as error:
        raise RunError(f"the fusion cannot be read ({error}); it is damaged or of a newer toprung.") from error


def log_softmax(scores: NDArray[Any]) -> Answers:
    """Return float64 log-probabilities over the last axis."""
    shifted = scores.astype(np.float64) - scores.max(axis=-1, keepdims=True)
    result: Answers = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def log_loss(answers: Answers, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the loss of each picture, ``(N,)`` in nats, of ``(N, C)`` log-probabilities."""
    losses: NDArray[np.float64] = -answers[np.arange(len(labels)), labels]
    return losses


def weighted_mean(answers: Answers, weights: Sequence[float]) -> Answers:
    """Return the log of the weighted mean of the members' probabilities, ``(N, C)``."""
    shares = np.asarray(weights, dtype=np.float64)
    highest = answers.max(axis=0)
    mean = np.tensordot(shares, np.exp(answers - highest), axes=1)
    result: Answers = highest + np.log(np.maximum(mean, np.finfo(np.float64).tiny))
    return result
