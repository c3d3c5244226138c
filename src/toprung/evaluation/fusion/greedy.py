"""Members chosen one by one, the same ones more than once, as long as the answers get better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from toprung.evaluation.fusion import Answers, log_loss, register, weighted_mean

_BAGS = 20
_PART = 0.5  # of the members, in each bag
_STEPS = 50


@register
@dataclass(frozen=True)
class Greedy:
    """Members count by how often they were chosen.

    Attributes:
        shares: of each member.
    """

    NAME: ClassVar[str] = "greedy"
    shares: tuple[float, ...]

    @classmethod
    def fit(cls, answers: Answers, labels: NDArray[np.int64], *, seed: int) -> Self:
        """Select members with replacement by log-loss, in bags of the members, and average over the bags.

        Each bag starts from its best member and takes, step by step, the member that makes the mean best, until none
        makes it better. With two members or fewer there is one bag of all.

        Source: Caruana et al. 2004, "Ensemble selection from libraries of models", ICML, sections 2.1 to 2.3: selection
            with replacement, sorted initialisation, bagged selection.
        """
        count = len(answers)
        generator = np.random.default_rng(seed)
        size = max(2, round(_PART * count))
        bags = [sorted(generator.choice(count, size, replace=False)) for _ in range(_BAGS)] if count > 2 else []
        counts = np.zeros(count)
        for bag in bags or [list(range(count))]:
            counts += select(answers, labels, [int(member) for member in bag])
        return cls(tuple(map(float, counts / counts.sum())))

    def combine(self, answers: Answers) -> Answers:
        """Return the log of the weighted mean probability."""
        return weighted_mean(answers, self.shares)

    def weights(self, members: int) -> list[float]:
        """Return the shares."""
        return list(self.shares)

    def to_json(self) -> dict[str, Any]:
        """Return name and weights."""
        return {"method": self.NAME, "weights": list(self.shares)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return what was fitted."""
        return cls(tuple(map(float, values["weights"])))


def select(answers: Answers, labels: NDArray[np.int64], members: Sequence[int]) -> NDArray[np.float64]:
    """Return the share ``(M,)`` of each member after greedy selection among some of them.

    The mean is never worse on these pictures than the best of the members alone.
    """
    probabilities = np.exp(answers)
    alone = {member: float(log_loss(answers[member], labels).mean()) for member in members}
    first = min(alone, key=lambda member: alone[member])
    counts = np.zeros(len(answers))
    counts[first] = 1
    total, best = probabilities[first].copy(), alone[first]
    rows = np.arange(len(labels))
    tiny = np.finfo(np.float64).tiny
    for taken in range(1, _STEPS):
        losses = {
            member: float(-np.log(np.maximum((total + probabilities[member])[rows, labels] / (taken + 1), tiny)).mean())
            for member in members
        }
        chosen = min(losses, key=lambda member: losses[member])
        if losses[chosen] >= best - 1e-12:
            break
        best = losses[chosen]
        total += probabilities[chosen]
        counts[chosen] += 1
    share: NDArray[np.float64] = counts / counts.sum()
    return share
