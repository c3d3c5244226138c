import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from toprung.errors import DataError
from toprung.evaluation.calibration import (
    bin_index,
    error_by_chance,
    error_interval,
    expected_calibration_error,
    reliability,
)


def test_ece_by_hand() -> None:
    # two bins: (0, .5] holds .4 right, .5 wrong; (.5, 1] holds .8 right, .9 wrong, 1. right
    confidence = np.array([0.4, 0.5, 0.8, 0.9, 1.0])
    correct = np.array([True, False, True, False, True])
    expected = 2 / 5 * abs(1 / 2 - 0.45) + 3 / 5 * abs(2 / 3 - 0.9)
    assert expected_calibration_error(confidence, correct, bins=2) == pytest.approx(expected)


@given(st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_bins_equal_those_of_scikit_learn(count: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    confidence, correct = generator.random(count).round(2), generator.random(count) < 0.6
    accuracy, mean = calibration_curve(correct, confidence, n_bins=15, strategy="uniform", pos_label=True)
    filled = [group for group in reliability(confidence, correct) if group.count]
    assert [group.accuracy for group in filled] == pytest.approx(accuracy)
    assert [group.confidence for group in filled] == pytest.approx(mean)
    gaps = [group.count / count * abs(a - c) for group, a, c in zip(filled, accuracy, mean, strict=True)]
    assert expected_calibration_error(confidence, correct) == pytest.approx(sum(gaps))


def test_edges_belong_to_the_lower_bin() -> None:
    assert bin_index(np.array([0.0, 1 / 15, 1 / 15 + 1e-9, 1.0])).tolist() == [0, 0, 1, 14]


def test_empty_bins_stay_and_are_empty() -> None:
    groups = reliability(np.array([0.99]), np.array([True]))
    assert len(groups) == 15
    assert [group.count for group in groups] == [0] * 14 + [1]
    assert groups[0].accuracy is None


@pytest.mark.parametrize("value", [-0.1, 1.1, 7.0, float("nan")])
def test_logits_are_not_confidences(value: float) -> None:
    with pytest.raises(DataError, match="logit"):
        expected_calibration_error(np.array([0.5, value]), np.array([True, True]))


def test_a_rounding_above_one_is_no_mistake() -> None:
    assert expected_calibration_error(np.array([1.0 + 1e-12]), np.array([True])) < 1e-9


def test_by_chance_equals_what_calibrated_models_show() -> None:
    generator = np.random.default_rng(0)
    confidence = generator.beta(4, 1, 300)
    shown = [expected_calibration_error(confidence, generator.random(300) < confidence) for _ in range(500)]
    assert error_by_chance(confidence).mean() == pytest.approx(np.mean(shown), rel=0.05)


@pytest.mark.parametrize("miscalibration", [0.0, 0.15])
def test_interval_covers_the_error_on_endless_pictures(miscalibration: float) -> None:
    generator = np.random.default_rng(1)
    endless = generator.beta(4, 1, 500_000)
    truth = expected_calibration_error(endless, generator.random(500_000) < endless * (1 - miscalibration))
    truth = truth if miscalibration else 0.0
    hits = 0
    for seed in range(100):
        confidence = generator.beta(4, 1, 300)
        correct = generator.random(300) < confidence * (1 - miscalibration)
        chance = error_by_chance(confidence, resamples=300, seed=seed)
        low, high = error_interval(confidence, correct, chance, resamples=300, seed=seed)
        assert 0 <= low <= high <= 1
        hits += low <= truth <= high
    assert hits >= 88
