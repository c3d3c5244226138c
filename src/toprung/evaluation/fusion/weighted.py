"""A weighted mean of the members' probabilities; the weights are fitted, not negative, and add up to 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from toprung.evaluation.fusion import Answers, register, weighted_mean

_PRIOR = 2.0  # pictures' worth of belief in each member: few selection pictures do not throw a member out
_ROUNDS = 20_000
_TOLERANCE = 1e-10


@register
@dataclass(frozen=True)
class Weighted:
    """Members count by fitted weights.

    Attributes:
        shares: of each member.
    """

    NAME: ClassVar[str] = "weighted"
    shares: tuple[float, ...]

    @classmethod
    def fit(cls, answers: Answers, labels: NDArray[np.int64], *, seed: int) -> Self:
        """Maximise the likelihood of the mixture, with a Dirichlet prior that leans to equal weights.

        The log-likelihood of mixture weights is concave, so that expectation maximisation climbs to its one summit.

        Source: Dempster, Laird & Rubin 1977, "Maximum likelihood from incomplete data via the EM algorithm", section
            4.3, finite mixtures; here the components are given and only the weights are fitted.
        """
        return cls(tuple(map(float, fit_shares(answers, labels))))

    def combine(self, answers: Answers) -> Answers:
        """Return the log of the weighted mean probability."""
        return weighted_mean(answers, self.shares)

    def weights(self, members: int) -> list[float]:
        """Return the fitted weights."""
        return list(self.shares)

    def to_json(self) -> dict[str, Any]:
        """Return name and weights."""
        return {"method": self.NAME, "weights": list(self.shares)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return what was fitted."""
        return cls(tuple(map(float, values["weights"])))


def fit_shares(answers: Answers, labels: NDArray[np.int64], prior: float = _PRIOR) -> NDArray[np.float64]:
    """Return the weights ``(M,)`` of the likeliest mixture.

    Args:
        answers: ``(M, N, C)`` log-probabilities.
        labels: ``(N,)`` true classes.
        prior: pictures' worth of belief in each member, 0 for none.
    """
    count, pictures = len(answers), len(labels)
    true = answers[:, np.arange(pictures), labels]
    likelihoods = np.exp(true - true.max(axis=0))
    shares = np.full(count, 1 / count)
    for _ in range(_ROUNDS):
        joint = shares[:, None] * likelihoods
        owed = (joint / joint.sum(axis=0)).sum(axis=1)
        after = (owed + prior) / (pictures + prior * count)
        moved = float(np.abs(after - shares).max())
        shares = after
        if moved < _TOLERANCE:
            break
    return shares
