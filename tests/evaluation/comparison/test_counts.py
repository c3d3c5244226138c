"""The six scores that this began with, from their counts."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest, fisher_exact

from toprung.errors import DataError
from toprung.evaluation.comparison.counts import Count, compare_counts

SIX = ["0.95794", "0.97222", "0.9754", "0.97937", "0.98254", "0.98333"]


def test_all_six_scores_are_whole_numbers_of_1260() -> None:
    assert [Count.parse(f"{score}/1260").right for score in SIX] == [1207, 1225, 1229, 1234, 1238, 1239]
    assert Count.parse("98.333%/1260") == Count.parse("1239/1260") == Count(1239, 1260)


def test_the_last_step_is_one_picture_and_nothing() -> None:
    found = compare_counts(Count(1238, 1260), Count(1239, 1260))
    assert found.difference == pytest.approx(1 / 1260)
    assert found.best_paired_p == 1.0  # however the two answered: one picture more can never be shown
    assert found.worst_paired_p == pytest.approx(binomtest(21, 43, 0.5).pvalue)
    assert found.p_value == pytest.approx(fisher_exact([[1238, 22], [1239, 21]]).pvalue)
    assert found.interval.low < 0 < found.interval.high
    assert found.smallest_difference > 10 * found.difference


def test_the_first_step_may_be_real() -> None:
    found = compare_counts(Count(1207, 1260), Count(1225, 1260))
    assert found.best_paired_p == pytest.approx(binomtest(0, 18, 0.5).pvalue)
    assert found.worst_paired_p == pytest.approx(binomtest(35, 88, 0.5).pvalue)


def test_other_numbers_of_pictures_have_no_pairs() -> None:
    found = compare_counts(Count(90, 100), Count(180, 200))
    assert found.best_paired_p is None
    assert found.difference == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1238", "is not of the form"),
        ("a/5", "is not of the form"),
        ("7/5", "more right answers than pictures"),
        ("0.98/0", "is not of the form"),
        ("1.2/10", "outside of 0 … 1"),
        ("0.98300/1260", "the nearest give 0.98254, 0.98333"),
        ("nan/10", "outside of"),
    ],
)
def test_mistakes(text: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        Count.parse(text)
