from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar

from toprung.errors import RecipeError
from toprung.ladder.climb.attempts import Failure
from toprung.ladder.climb.halving import Candidate, Outcome, Ranking, TrainFor, halve, planned_cost
from toprung.training.recipe import Recipe

PICTURES = 400


def arms(count: int) -> list[Candidate]:
    return [Candidate(f"arm{number}", Recipe()) for number in range(count)]


def bandit(
    accuracy: Callable[[int, int], float], *, seed: int = 0, log: list[tuple[str, int]] | None = None
) -> TrainFor:
    """Arms that share their tosses, so that the better arm is right wherever the other is."""
    draws = np.random.default_rng(0).random(PICTURES)

    def train(candidate: Candidate, epochs: int, round_: int) -> Outcome:
        if log is not None:
            log.append((candidate.name, epochs))
        share = accuracy(int(candidate.name[3:]), epochs)
        return Outcome(draws < share, 1 - share)

    return train


def steep(arm: int, epochs: int) -> float:
    """Arm 0 is the best in the end; the order shows from the first epoch on."""
    return 0.9 - 0.06 * arm - 0.1 / epochs


def test_the_best_arm_is_kept_and_the_cost_is_the_closed_form() -> None:
    log: list[tuple[str, int]] = []
    ranking = halve(arms(9), bandit(steep, log=log), eta=3, start_epochs=2, full_epochs=30)
    assert [one.name for one in ranking.kept] == ["arm0"]
    assert [epochs for _, epochs in log] == [2] * 9 + [6] * 3
    assert ranking.spent == planned_cost(9, eta=3, start_epochs=2, full_epochs=30) == 9 * 2 + 3 * 6
    assert [one.candidate.name for one in ranking.standings] == [f"arm{number}" for number in range(9)]
    assert "McNemar p" in ranking.standings[-1].reason


@given(
    count=st.integers(1, 30),
    eta=st.integers(2, 4),
    start=st.integers(1, 3),
    full=st.integers(1, 60),
    survivors=st.integers(1, 3),
)
@settings(max_examples=60)
def test_spent_is_planned_when_no_tie_may_be_kept(count: int, eta: int, start: int, full: int, survivors: int) -> None:
    log: list[tuple[str, int]] = []
    ranking = halve(
        arms(count),
        bandit(lambda arm, epochs: 0.9 - arm / 1000, log=log),
        eta=eta,
        start_epochs=start,
        full_epochs=full,
        survivors=survivors,
        budget=0.0,
    )
    plan = {"eta": eta, "start_epochs": start, "full_epochs": full, "survivors": survivors}
    assert ranking.spent == sum(epochs for _, epochs in log) == planned_cost(count, **plan)
    assert all(epochs < full for _, epochs in log)
    assert len(ranking.standings) == count
    if log:
        assert [one.name for one in ranking.kept] == [f"arm{number}" for number in range(min(count, survivors))]
    else:
        assert len(ranking.kept) == count


def test_equal_rounds_cost_the_same() -> None:
    """With powers of eta each round costs what the first one does (Karnin et al. 2013)."""
    assert planned_cost(27, eta=3, start_epochs=1, full_epochs=1000) == 3 * 27
    assert planned_cost(16, eta=2, start_epochs=1, full_epochs=1000) == 4 * 16


def close(arm: int, epochs: int) -> float:
    """Three arms that 400 pictures cannot tell apart, and three that they can."""
    return 0.9 - 0.005 * arm if arm < 3 else 0.5


def test_what_cannot_be_told_apart_goes_on_while_the_budget_allows() -> None:
    free = halve(arms(6), bandit(close), eta=6, start_epochs=1, full_epochs=7)
    assert [one.candidate.name for one in free.standings][:3] == ["arm0", "arm1", "arm2"]
    assert free.spent == 6 + 3 * 6, "the second round took all three"
    assert "cannot be told apart, but 1 go on" in free.standings[1].reason
    some = halve(arms(6), bandit(close), eta=6, start_epochs=1, full_epochs=7, budget=6 + 2 * 6)
    assert some.spent == 6 + 2 * 6
    reasons = {one.candidate.name: one.reason for one in some.standings}
    assert "the budget does not allow" in reasons["arm2"]
    assert "McNemar p" in reasons["arm3"]


def test_its_test_is_mcnemar_s() -> None:
    draw = np.random.default_rng(1)
    for _ in range(20):
        first, second = draw.random(60) < 0.9, draw.random(60) < 0.7
        table = [[int((a & b).sum()) for b in (second, ~second)] for a in (first, ~first)]
        expected = float(mcnemar(table, exact=True).pvalue)
        outcomes = {"arm0": Outcome(first, 0.0), "arm1": Outcome(second, 1.0)}
        if first.mean() < second.mean():
            continue
        ranking = halve(arms(2), lambda one, epochs, round_: outcomes[one.name], eta=2, full_epochs=3)  # noqa: B023
        told_apart = ranking.standings[1].reason.endswith(f"(McNemar p = {expected:.2g}).")
        assert told_apart == (expected <= 0.05)


def noisy(seed: int) -> TrainFor:
    """Independent tosses: the order is known only up to chance."""

    def train(candidate: Candidate, epochs: int, round_: int) -> Outcome:
        arm = int(candidate.name[3:])
        draw = np.random.default_rng((seed, arm, round_))
        return Outcome(draw.random(PICTURES) < 0.85 - 0.05 * (arm > 0) - 0.01 * arm, 0.0)

    return train


def test_keeping_ties_finds_the_best_arm_more_often() -> None:
    def found(budget: float | None) -> int:
        return sum(
            halve(arms(8), noisy(seed), eta=4, full_epochs=20, budget=budget).kept[0].name == "arm0"
            for seed in range(150)
        )

    with_ties, without = found(None), found(0.0)
    assert with_ties >= without
    assert with_ties >= 0.95 * 150


def test_a_failed_candidate_is_out_and_says_why() -> None:
    train = bandit(steep)

    def sometimes(candidate: Candidate, epochs: int, round_: int) -> Outcome | Failure:
        return Failure("the loss became NaN.") if candidate.name == "arm0" else train(candidate, epochs, round_)

    ranking: Ranking = halve(arms(4), sometimes, eta=2, full_epochs=30)
    assert [one.name for one in ranking.kept] == ["arm1"]
    failed = next(one for one in ranking.standings if one.candidate.name == "arm0")
    assert (failed.is_kept, failed.accuracy, failed.reason) == (False, None, "failed: the loss became NaN.")


def test_numbers_out_of_range() -> None:
    with pytest.raises(RecipeError, match="eta of at least 2"):
        halve(arms(3), bandit(steep), eta=1, full_epochs=9)
    with pytest.raises(RecipeError, match="called 'arm0'"):
        halve([*arms(2), *arms(1)], bandit(steep), full_epochs=9)


def test_costs_in_another_unit() -> None:
    ranking = halve(
        arms(4),
        bandit(steep),
        eta=2,
        full_epochs=4,
        cost_of=lambda one, epochs: epochs * (10.0 if "0" in one.name else 1),
    )
    assert math.isclose(ranking.spent, (10 + 3) + (20 + 2))
