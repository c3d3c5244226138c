"""Recipes over seeds: the parts of the interval by hand, and its promise by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import t, ttest_rel

from toprung.errors import DataError
from toprung.evaluation.comparison.seeds import compare_seeds, spread


def answers(
    draw: np.random.Generator, hard: NDArray[np.float64], seeds: int, luck: float = 0.15, skill: float = 1.0
) -> NDArray[np.bool_]:
    """Draw right answers of several seeds: each seed has its own luck, each picture its own difficulty."""
    lucks = draw.normal(0, luck, size=(seeds, 1))
    found: NDArray[np.bool_] = draw.normal(size=(seeds, len(hard))) < skill + lucks - hard
    return found


@pytest.mark.parametrize(
    ("seeds", "lucks"),
    [
        ((2, 2), (0.15, 0.15)),
        ((3, 3), (0.15, 0.15)),
        ((1, 2), (0.15, 0.15)),
        ((1, 5), (0.5, 0.5)),
        ((5, 2), (0.02, 0.3)),
    ],
)
def test_equal_recipes_are_seldom_told_apart(seeds: tuple[int, int], lucks: tuple[float, float]) -> None:
    """McNemar on one seed each finds a difference too often, for it takes the luck of a seed for skill."""
    draw = np.random.default_rng(3)
    rounds, false = 400, 0
    for _ in range(rounds):
        hard = draw.normal(size=500)
        # hard + noise + luck is normal of variance 2 + luck²: as much more skill keeps the accuracies equal
        made = [
            answers(draw, hard, count, luck, np.sqrt(1 + luck**2 / 2)) for count, luck in zip(seeds, lucks, strict=True)
        ]
        found = compare_seeds(*made)
        false += found.p_value < 0.05
        assert (found.p_value < 0.05) == (not found.interval.low <= 0 <= found.interval.high)
    assert false / rounds <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / rounds)


def test_the_interval_holds_a_true_difference() -> None:
    draw = np.random.default_rng(5)
    big = draw.normal(size=(2, 400_000))
    spreads = np.sqrt(1 + 0.15**2)  # of noise and luck
    truth = float((spreads * big[0] < 1.3 - big[1]).mean() - (spreads * big[0] < 1.0 - big[1]).mean())
    rounds, held = 300, 0
    for _ in range(rounds):
        hard = draw.normal(size=500)
        found = compare_seeds(answers(draw, hard, 3), answers(draw, hard, 3, skill=1.3))
        held += found.interval.low <= truth <= found.interval.high
    assert held / rounds >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / rounds)


def test_a_better_recipe_is_found() -> None:
    draw = np.random.default_rng(4)
    hard = draw.normal(size=2000)
    found = compare_seeds(answers(draw, hard, 4), answers(draw, hard, 4, skill=1.8))
    assert found.p_value < 0.05
    assert found.interval.low > 0


def test_the_width_by_hand() -> None:
    draw = np.random.default_rng(6)
    hard = draw.normal(size=50)
    first, second = answers(draw, hard, 2), answers(draw, hard, 4)
    gap = second.mean(axis=0) - first.mean(axis=0)
    parts = [(gap.var(ddof=1) / 50, 49), (first.mean(1).var(ddof=1) / 2, 1), (second.mean(1).var(ddof=1) / 4, 3)]
    half = np.sqrt(sum(t.ppf(0.975, freedom) ** 2 * variance for variance, freedom in parts))
    found = compare_seeds(first, second)
    assert found.interval == pytest.approx((found.difference - half, found.difference + half))


def test_one_seed_spreads_as_the_other_recipe_does() -> None:
    draw = np.random.default_rng(7)
    hard = draw.normal(size=50)
    first, second = answers(draw, hard, 1), answers(draw, hard, 4)
    gap = second.mean(axis=0) - first[0]
    parts = [(gap.var(ddof=1) / 50, 49), (second.mean(1).var(ddof=1) * (1 + 1 / 4), 3)]
    half = np.sqrt(sum(t.ppf(0.975, freedom) ** 2 * variance for variance, freedom in parts))
    assert compare_seeds(first, second).interval.high == pytest.approx(gap.mean() + half)
    assert compare_seeds(second, first).interval.low == pytest.approx(-gap.mean() - half)


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_one_seed_each_is_a_paired_t_test(seed: int) -> None:
    right = np.random.default_rng(seed).random((2, 30)) < 0.7
    if np.ptp(right[0].astype(int) - right[1]) == 0:
        return
    assert compare_seeds(right[:1], right[1:]).p_value == pytest.approx(ttest_rel(*right.astype(float)).pvalue)


def test_recipes_that_say_the_same() -> None:
    right = np.array([[True, False, True]] * 2)
    found = compare_seeds(right, right)
    assert (found.difference, found.p_value, found.interval) == (0.0, 1.0, (0.0, 0.0))


@pytest.mark.parametrize(("first", "second"), [((2, 5), (2, 4)), ((0, 5), (2, 5)), ((1, 0), (1, 0))])
def test_mistakes(first: tuple[int, int], second: tuple[int, int]) -> None:
    with pytest.raises(DataError, match="on the same pictures"):
        compare_seeds(np.zeros(first, dtype=bool), np.zeros(second, dtype=bool))


def test_spread_by_hand() -> None:
    right = np.array([[True, True, False, False], [True, True, True, False]])
    found = spread(right)
    assert (found.seeds, found.mean) == (2, 0.625)
    assert found.deviation == pytest.approx(np.sqrt(2) / 8)
