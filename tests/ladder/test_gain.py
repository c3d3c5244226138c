from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from toprung.evaluation.predictions import Predictions
from toprung.ladder.gain import gain_over_plain


def answered(right: np.ndarray) -> Predictions:
    """Return predictions of two classes that are right where said."""
    count = len(right)
    labels = np.arange(count) % 2
    logits = np.zeros((count, 2), np.float32)
    logits[np.arange(count), np.where(right, labels, 1 - labels)] = 1
    names = tuple(f"{place:04d}" for place in range(count))
    return Predictions(names, names, labels.astype(np.int64), logits, ("a", "b"))


def test_counts_and_p_value() -> None:
    plain, other = np.zeros(100, bool), np.zeros(100, bool)
    plain[:60] = True
    other[5:72] = True
    gain = gain_over_plain(answered(plain), answered(other))
    assert (gain.plain, gain.accuracy, gain.gained, gain.lost) == (0.6, 0.67, 12, 5)
    assert gain.difference == pytest.approx(0.07)
    assert gain.p_value == pytest.approx(binomtest(12, 17).pvalue)
    assert gain.low < 0.07 < gain.high
    assert gain.to_json()["difference"] == gain.difference
    assert "60.00%" in gain.sentences()[0]
    assert "not told apart" in gain.sentences()[1]


def test_the_interval_is_that_of_the_normal_approximation_where_there_is_much() -> None:
    draw = np.random.default_rng(0)
    plain = draw.random(4000) < 0.7
    other = np.where(draw.random(4000) < 0.1, ~plain, plain)
    gain = gain_over_plain(answered(plain), answered(other))
    change = other.astype(float) - plain
    half = 1.96 * change.std() / np.sqrt(4000)
    assert gain.low == pytest.approx(change.mean() - half, abs=0.1 * half)
    assert gain.high == pytest.approx(change.mean() + half, abs=0.1 * half)


def test_nothing_changed() -> None:
    same = answered(np.arange(30) < 20)
    gain = gain_over_plain(same, same)
    assert (gain.difference, gain.low, gain.high, gain.p_value) == (0, 0, 0, 1)


def test_the_interval_covers_the_true_difference_as_often_as_it_says() -> None:
    draw = np.random.default_rng(1)
    covered = []
    for _ in range(150):
        kind = draw.choice(4, size=400, p=[0.6, 0.2, 0.12, 0.08])  # both, neither, gained, lost
        gain = gain_over_plain(answered(np.isin(kind, [0, 3])), answered(np.isin(kind, [0, 2])))
        covered.append(gain.low <= 0.04 <= gain.high)
    assert 0.89 <= np.mean(covered) <= 0.99
