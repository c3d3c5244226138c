"""How well numbers rank candidates by their true error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

TIE_RELATIVE, TIE_ABSOLUTE = 1.05, 2e-4
_PERFECT = 1e-4  # a regret relative to less than 0.1 of 1000 says nothing


@dataclass(frozen=True)
class LineUp:
    """Candidates judged together: their true and expected errors."""

    kind: str
    group: str
    names: tuple[str, ...]
    true: np.ndarray
    expected: np.ndarray


@dataclass(frozen=True)
class Ranking:
    """Ranking quality over line-ups.

    Attributes:
        within: mean Spearman correlation inside each line-up.
        pooled: Spearman correlation over all candidates of all scenes.
        strict: share of line-ups whose best candidate was picked.
        near: the same, counting a pick within 5 % or 0.2 of 1000 of the best.
        regret: mean of (picked − best) / best error.
        total_regret: (sum of picked − sum of best) / sum of best.
    """

    within: float
    pooled: float
    strict: float
    near: float
    regret: float
    total_regret: float
    count: int

    def row(self) -> str:
        """The numbers of one line of a table."""
        return (
            f"{self.within:6.3f} {self.pooled:6.3f} {100 * self.strict:6.0f} % {100 * self.near:6.0f} %"
            f" {100 * self.regret:7.1f} % {100 * self.total_regret:7.1f} % {self.count:6d}"
        )


HEADER = f"{'within':>6} {'pooled':>6} {'strict':>8} {'near':>8} {'regret':>9} {'total':>9} {'sets':>6}"


def ranking(line_ups: list[LineUp]) -> Ranking:
    """Measure the ranking of some line-ups; those of one candidate count only in the pooled correlation."""
    several = [one for one in line_ups if len(one.true) > 1]
    true = np.concatenate([one.true for one in line_ups])
    expected = np.concatenate([one.expected for one in line_ups])
    pooled = float(spearmanr(true, expected)[0])
    if not several:
        return Ranking(np.nan, pooled, np.nan, np.nan, np.nan, np.nan, len(line_ups))
    within = [_correlation(one) for one in several]
    picked = np.array([one.true[int(one.expected.argmin())] for one in several])
    best = np.array([one.true.min() for one in several])
    near = picked <= np.maximum(best * TIE_RELATIVE, best + TIE_ABSOLUTE)
    regret = (picked - best) / np.maximum(best, _PERFECT)
    total = picked.sum() / best.sum() - 1
    return Ranking(
        float(np.nanmean(within)),
        pooled,
        float((picked <= best).mean()),
        float(near.mean()),
        float(regret.mean()),
        float(total),
        len(several),
    )


def _correlation(one: LineUp) -> float:
    if np.ptp(one.true) == 0:
        return float("nan")  # nothing to rank
    return float(spearmanr(one.true, one.expected)[0]) if np.ptp(one.expected) > 0 else 0.0
