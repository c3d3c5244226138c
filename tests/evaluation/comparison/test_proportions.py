"""Intervals of differences against statsmodels, and by counting how often they hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.proportion import confint_proportions_2indep

from toprung.errors import DataError
from toprung.evaluation.comparison.proportions import fisher_p, paired_interval, unpaired_interval


@st.composite
def changes(draw: st.DrawFn) -> tuple[int, int, int]:
    pictures = draw(st.integers(1, 400))
    first = draw(st.integers(0, pictures))
    return first, draw(st.integers(0, pictures - first)), pictures


@given(changes())
def test_it_holds_the_value_and_is_symmetric(counts: tuple[int, int, int]) -> None:
    first, second, pictures = counts
    low, high = paired_interval(first, second, pictures)
    other_low, other_high = paired_interval(second, first, pictures)
    assert -1 <= low <= (second - first) / pictures <= high <= 1
    assert (low, high) == pytest.approx((-other_high, -other_low), abs=1e-7)


def test_its_ends_are_where_the_score_test_rejects() -> None:
    """One of 44 pictures changed: all differences of a fine grid that the score test of Tango's eq. 9 lets stand."""
    b, c, n = 1, 0, 44
    grid = np.linspace(-0.2, 0.3, 200_001)
    half = 2 * n
    middle = -b - c + (2 * n - b + c) * grid
    q = (np.sqrt(middle**2 + 8 * n * c * grid * (1 - grid)) - middle) / (2 * half)
    with np.errstate(invalid="ignore", divide="ignore"):
        score = (b - c - n * grid) / np.sqrt(n * (2 * q + grid * (1 - grid)))
    inside = grid[np.abs(score) <= 1.959963985]
    assert paired_interval(c, b, n) == pytest.approx((inside.min(), inside.max()), abs=1e-5)


def test_coverage_of_the_paired_interval() -> None:
    """Over all outcomes of 60 pictures, weighed by their probability: never far below 95 %."""
    pictures = 60
    for b_share, c_share in [(0.05, 0.05), (0.02, 0.1), (0.2, 0.2), (0.1, 0.3), (0.0, 0.05)]:
        truth = c_share - b_share
        held = 0.0
        for b in range(pictures + 1):
            mine = binom.pmf(b, pictures, b_share)
            if mine < 1e-9:
                continue
            for c in range(pictures - b + 1):
                theirs = binom.pmf(c, pictures - b, c_share / (1 - b_share))
                if mine * theirs < 1e-9:
                    continue
                low, high = paired_interval(b, c, pictures)
                held += mine * theirs * (low - 1e-9 <= truth <= high + 1e-9)
        assert 0.925 <= held <= 1.0, (b_share, c_share, held)


@given(st.integers(0, 80), st.integers(0, 120))
def test_the_unpaired_interval_is_newcombes(first: int, second: int) -> None:
    expected = confint_proportions_2indep(second, 120, first, 80, method="newcomb", compare="diff")
    assert unpaired_interval(first, 80, second, 120) == pytest.approx(expected, abs=1e-9)


def test_fishers_p_of_the_tea() -> None:
    assert fisher_p(3, 4, 1, 4) == pytest.approx(0.4857, abs=1e-4)


def test_impossible_counts() -> None:
    with pytest.raises(DataError, match="cannot have changed"):
        paired_interval(5, 6, 10)
