from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import softmax
from scipy.stats import binomtest

from toprung.errors import DataError
from toprung.evaluation.abstention import coverage_curve, threshold_for_precision
from toprung.evaluation.temperature import fit_temperature


def test_curve_by_hand() -> None:
    confidence = np.array([0.9, 0.5, 0.7, 0.7])
    correct = np.array([True, False, False, True])
    curve = coverage_curve(confidence, correct)
    assert curve.thresholds.tolist() == [0.9, 0.7, 0.5]
    assert curve.coverage.tolist() == [0.25, 0.75, 1.0]
    assert curve.accuracy == pytest.approx([1, 2 / 3, 1 / 2])
    # errors up to each picture: 0, then half of one, one, two
    assert curve.area == pytest.approx((0 + 0.5 / 2 + 1 / 3 + 2 / 4) / 4)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_area_is_the_mean_over_random_orders_of_ties(seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    confidence, correct = generator.random(count), generator.random(count) < 0.7
    order = np.argsort(-confidence)
    risks = np.cumsum(~correct[order]) / np.arange(1, count + 1)
    curve = coverage_curve(confidence, correct)
    assert curve.area == pytest.approx(risks.mean())
    assert curve.accuracy[-1] == pytest.approx(correct.mean())
    assert curve.coverage[-1] == 1
    tied = coverage_curve(np.full(count, 0.5), correct)
    assert tied.area == pytest.approx(1 - correct.mean())


def test_a_perfect_order_has_the_least_area() -> None:
    generator = np.random.default_rng(0)
    correct = generator.random(300) < 0.8
    best = coverage_curve(correct + generator.random(300) / 2, correct).area
    assert best < coverage_curve(generator.random(300), correct).area
    worst = coverage_curve(~correct + generator.random(300) / 2, correct).area
    assert coverage_curve(generator.random(300), correct).area < worst


def test_threshold_holds_the_binomial_bound() -> None:
    generator = np.random.default_rng(0)
    confidence = generator.random(4000)
    correct = generator.random(4000) < confidence
    found = threshold_for_precision(confidence, correct, 0.9)
    assert found is not None
    answered = confidence >= found.value
    assert (found.pictures, found.correct) == (answered.sum(), (answered & correct).sum())
    # Clopper-Pearson at the share of the risk that one start has, one-sided
    bound = binomtest(found.correct, found.pictures).proportion_ci(1 - 2 * 0.05 / 4, method="exact").low
    assert bound >= 0.9
    # confidences are uniform and honest: those above t are right in (1 + t)/2 of cases, so t = .8 would do
    assert 0.8 <= found.value <= 0.9


def test_few_pictures_promise_nothing() -> None:
    assert threshold_for_precision(np.full(50, 0.99), np.ones(50, dtype=bool), 0.95) is None
    found = threshold_for_precision(np.full(100, 0.99), np.ones(100, dtype=bool), 0.95)
    assert found is not None
    assert found.value == 0.0  # nothing speaks against answering always


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(DataError, match=r"precision of 1\.5"):
        threshold_for_precision(np.array([0.5]), np.array([True]), 1.5)
    with pytest.raises(DataError, match="no pictures"):
        coverage_curve(np.array([]), np.array([], dtype=bool))
    with pytest.raises(DataError, match="must match"):
        coverage_curve(np.array([0.5]), np.array([True, False]))


def draw(generator: np.random.Generator, count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    labels = generator.integers(4, size=count)
    logits = generator.normal(size=(count, 4))
    logits[np.arange(count), labels] += 1.7
    return 2.5 * logits, labels  # over-confident


@pytest.mark.parametrize(("count", "wanted"), [(150, 0.75), (600, 0.9)])
def test_promise_breaks_in_at_most_five_of_a_hundred_calibrations(count: int, wanted: float) -> None:
    """With the temperature fitted on the same pictures, as `toprung calibrate` does."""
    generator = np.random.default_rng(1)
    endless, truth = draw(generator, 40_000)
    broken = told = 0
    for _ in range(300):
        logits, labels = draw(generator, count)
        temperature = fit_temperature(logits.astype(np.float32), labels)
        confidence = softmax(logits / temperature, axis=1).max(1)
        found = threshold_for_precision(confidence, logits.argmax(1) == labels, wanted)
        if found is None:
            continue
        told += 1
        answered = softmax(endless / temperature, axis=1).max(1) >= found.value
        broken += (endless.argmax(1) == truth)[answered].mean() < wanted
    assert told > 100
    assert broken <= 300 * 0.05 + 3 * np.sqrt(300 * 0.05 * 0.95)
