"""Holm against statsmodels, and the group about the best by simulation."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from toprung.evaluation.comparison.multiple import against_the_best, holm


@settings(max_examples=25, deadline=None)  # statsmodels takes 30 ms each
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_statsmodels(p_values: list[float]) -> None:
    assert np.allclose(holm(p_values), multipletests(p_values, method="holm")[1], atol=1e-12)


def test_equal_runs_are_seldom_told_apart() -> None:
    """Six runs that are equally good, 300 pictures: a false finding in at most 5 % of boards (and chance)."""
    draw = np.random.default_rng(0)
    false = 0
    for _ in range(400):
        hard = draw.random(300)
        right = draw.random((6, 300)) < 0.5 + 0.5 * hard  # pictures are hard for all, as they are
        _, p_values = against_the_best(right)
        false += min(p_values) < 0.05
    assert false / 400 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_the_truly_best_is_in_the_group() -> None:
    draw = np.random.default_rng(1)
    skill = np.array([0.80, 0.80, 0.78, 0.74, 0.60])
    lost = 0
    for _ in range(400):
        right = draw.random((5, 250)) < skill[:, None]
        _, p_values = against_the_best(right)
        lost += min(p_values[0], p_values[1]) < 0.05
    assert lost / 400 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_a_clear_loser_is_told_apart() -> None:
    right = np.zeros((2, 100), dtype=bool)
    right[0, :90] = True
    right[1, :60] = True
    best, p_values = against_the_best(right)
    assert best == 0
    assert p_values[0] == 1.0
    assert p_values[1] < 1e-6


def test_one_run() -> None:
    assert against_the_best(np.ones((1, 5), dtype=bool)) == (0, [1.0])
