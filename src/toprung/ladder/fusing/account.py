"""What a fusion gives, and what each member gives it.

Legend: M members, N pictures, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toprung.errors import DataError
from toprung.evaluation.fusion import log_loss, log_softmax
from toprung.evaluation.fusion.choosing import Candidate, cross_fitted
from toprung.evaluation.fusion.fused import Fusion
from toprung.ladder.fusing.members import FusedRun
from toprung.ladder.gain import Gain


@dataclass(frozen=True)
class MemberAccount:
    """What one member is and gives.

    Attributes:
        name: of its run.
        weight: how much it counts; ``None`` where that is no single number.
        temperature: its own.
        val_accuracy, val_log_loss: alone, on the selection split.
        without_accuracy, without_log_loss: how much better (positive) the fusion is with it than without, on the
            selection split, cross-fitted; ``None`` where there are only two members.
    """

    name: str
    weight: float | None
    temperature: float
    val_accuracy: float
    val_log_loss: float
    without_accuracy: float | None
    without_log_loss: float | None


@dataclass(frozen=True)
class Pair:
    """How two members differ on the selection split.

    Attributes:
        first, second: names.
        disagreement: share of pictures that they answer otherwise.
        both_wrong: share that both answer wrong (double fault).
        q: Yule's Q of their being right: 1 for the same mistakes, 0 for independent ones, below for opposite ones;
            ``None`` where it is 0/0.
    """

    first: str
    second: str
    disagreement: float
    both_wrong: float
    q: float | None


def accounts_of(
    members: Sequence[FusedRun], labels: NDArray[np.int64], fusion: Fusion, whole: Candidate, *, seed: int
) -> list[MemberAccount]:
    """Return what each member is and gives; fusions without it are fitted anew."""
    weights = fusion.combiner.weights(len(members))
    found = []
    for place, member in enumerate(members):
        alone = log_softmax(member.selection / fusion.temperatures[place])
        rest = [other.selection for other in members if other is not member]
        without = _without(fusion.method, rest, labels, seed=seed) if len(rest) > 1 else None
        found.append(
            MemberAccount(
                name=member.name,
                weight=None if weights is None else weights[place],
                temperature=fusion.temperatures[place],
                val_accuracy=float((alone.argmax(axis=1) == labels).mean()),
                val_log_loss=float(log_loss(alone, labels).mean()),
                without_accuracy=None if without is None else whole.accuracy - without.accuracy,
                without_log_loss=None if without is None else without.log_loss - whole.log_loss,
            )
        )
    return found


def pairs_of(members: Sequence[FusedRun], labels: NDArray[np.int64]) -> list[Pair]:
    """Return how each two members differ.

    Source: Kuncheva & Whitaker 2003, "Measures of diversity in classifier ensembles", Machine Learning 51: Q statistic
        (eq. 1), disagreement (eq. 4), double fault (eq. 5).
    """
    answers = [member.selection.argmax(axis=1) for member in members]
    right = [answer == labels for answer in answers]
    found = []
    for first in range(len(members)):
        for second in range(first + 1, len(members)):
            mine, theirs = right[first], right[second]
            both, neither = int((mine & theirs).sum()), int((~mine & ~theirs).sum())
            only, other = int((mine & ~theirs).sum()), int((~mine & theirs).sum())
            below = both * neither + only * other
            found.append(
                Pair(
                    members[first].name,
                    members[second].name,
                    float((answers[first] != answers[second]).mean()),
                    neither / len(labels),
                    (both * neither - only * other) / below if below else None,
                )
            )
    return found


def told_gain(gain: Gain, best: str, split: str) -> list[str]:
    """Return what a person is told of the fusion against its best member."""
    points = [f"{100 * value:+.2f}" for value in (gain.difference, gain.low, gain.high)]
    verdict = "a real gain at 5 %" if gain.p_value < 0.05 and gain.difference > 0 else "no gain is shown"
    if gain.p_value < 0.05 and gain.difference < 0:
        verdict = "a real loss at 5 %"
    return [
        f"{split:<10} {gain.accuracy:.2%} against {gain.plain:.2%} of {best}: {points[0]} points (95 % interval "
        f"{points[1]} … {points[2]})",
        f"{'':<10} {gain.gained} pictures gained, {gain.lost} lost, p = {gain.p_value:.2g} (McNemar, exact): {verdict}",
    ]


def as_json(
    accounts: Sequence[MemberAccount], pairs: Sequence[Pair], candidates: Sequence[Candidate]
) -> dict[str, Any]:
    """Return members, pairs and the tried methods as plain values."""
    return {
        "members": [asdict(account) for account in accounts],
        "pairs": [asdict(pair) for pair in pairs],
        "tried": [
            {"method": one.method, "val_log_loss": one.log_loss, "val_accuracy": one.accuracy} for one in candidates
        ],
    }


def _without(
    method: str, rest: Sequence[NDArray[np.float32]], labels: NDArray[np.int64], *, seed: int
) -> Candidate | None:
    try:
        return cross_fitted(method, rest, labels, seed=seed)
    except DataError:
        return None
