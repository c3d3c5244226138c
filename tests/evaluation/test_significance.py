from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from toprung.errors import RunError
from toprung.evaluation.predictions import Predictions
from toprung.evaluation.significance import PairedOutcome, binomial_p, mcnemar


def answers(right: list[bool], classes: tuple[str, ...] = ("a", "b"), hashes: list[str] | None = None) -> Predictions:
    """Predictions that are right on chosen pictures; the true classes alternate."""
    count = len(right)
    labels = np.arange(count) % 2
    said = np.where(right, labels, 1 - labels)
    logits = np.eye(2, dtype=np.float32)[said]
    names = hashes or [f"h{i}" for i in range(count)]
    return Predictions(tuple(f"{i}.png" for i in range(count)), tuple(names), labels, logits, classes)


def pair(first_only: int, second_only: int, both: int, neither: int) -> tuple[Predictions, Predictions]:
    mine = [True] * first_only + [False] * second_only + [True] * both + [False] * neither
    theirs = [False] * first_only + [True] * second_only + [True] * both + [False] * neither
    return answers(mine), answers(theirs)


def test_counts_and_p_of_a_table_worked_by_hand() -> None:
    """2 against 9 discordant pictures: 2 · (1 + 11 + 55) / 2¹¹."""
    outcome = mcnemar(*pair(9, 2, 30, 4))
    assert outcome == PairedOutcome(9, 2, 30, 4, pytest.approx(2 * 67 / 2048))
    assert outcome.pictures == 45


@given(st.integers(0, 400), st.integers(0, 400))
def test_p_is_scipys_and_the_exact_sum(first: int, second: int) -> None:
    total = first + second
    exact = min(Fraction(1), 2 * Fraction(sum(comb(total, k) for k in range(min(first, second) + 1)), 2**total))
    assert binomial_p(first, second) == pytest.approx(float(exact), rel=1e-9)
    if total:
        assert binomial_p(first, second) == pytest.approx(binomtest(first, total, 0.5).pvalue, rel=1e-9)
    assert binomial_p(first, second) == binomial_p(second, first)


def test_equal_models_are_called_different_at_most_as_often_as_p_says() -> None:
    """Two models of 80 % accuracy on 60 pictures; an exact test errs on the safe side."""
    draw = np.random.default_rng(0)
    values = []
    for _ in range(800):
        mine, theirs = draw.random((2, 60)) < 0.8
        values.append(mcnemar(answers(list(mine)), answers(list(theirs))).p_value)
    for level in (0.05, 0.2):
        share = np.mean(np.array(values) <= level)
        assert share <= level + 3 * np.sqrt(level * (1 - level) / len(values))
        assert share > level / 5


def test_it_finds_a_real_difference_where_the_intervals_overlap() -> None:
    outcome = mcnemar(*pair(30, 8, 900, 62))
    assert outcome.p_value < 0.001


def test_the_order_of_pictures_and_of_classes_is_no_matter() -> None:
    first, second = pair(9, 2, 30, 4)
    order = np.random.default_rng(0).permutation(len(second))
    shuffled = Predictions(
        tuple(second.paths[i] for i in order),
        tuple(second.hashes[i] for i in order),
        1 - second.labels[order],
        second.logits[order][:, ::-1],
        second.classes[::-1],
    )
    assert mcnemar(first, shuffled) == mcnemar(first, second)


def test_equal_files_are_paired_one_by_one_and_unlabelled_ones_left_out() -> None:
    hashes = ["x", "y", "x", "z"]
    first = answers([True, True, True, False], hashes=hashes)
    second = answers([False, True, False, False], hashes=hashes)
    assert mcnemar(first, second) == PairedOutcome(2, 0, 1, 1, 0.5)
    labels = first.labels.copy()
    labels[0] = -1
    outcome = mcnemar(replace(first, labels=labels), replace(second, labels=labels))
    assert outcome.pictures == 3
    assert outcome.first_only == 1


def test_a_model_is_not_different_from_itself() -> None:
    same = answers([True, False, True])
    assert mcnemar(same, same) == PairedOutcome(0, 0, 2, 1, 1.0)


def test_other_pictures_other_labels_and_unknown_pictures_are_refused() -> None:
    first = answers([True] * 4)
    with pytest.raises(RunError, match=r"4 and 5, 4 in common"):
        mcnemar(first, answers([True] * 5))
    with pytest.raises(RunError, match="other labels"):
        mcnemar(first, replace(first, labels=1 - first.labels))
    with pytest.raises(RunError, match=r"0\.png has no content hash"):
        mcnemar(replace(first, hashes=("", *first.hashes[1:])), first)
    with pytest.raises(RunError, match="nothing to compare"):
        mcnemar(replace(first, labels=np.full(4, -1)), first)
