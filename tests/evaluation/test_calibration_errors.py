from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from toprung.evaluation.calibration import expected_calibration_error
from toprung.evaluation.calibration_errors import (
    adaptive_calibration_error,
    brier_score,
    calibration_scores,
    classwise_calibration_error,
)


@given(st.integers(0, 2**32 - 1), st.integers(30, 200), st.integers(2, 6))
def test_values_equal_those_of_scikit_learn(seed: int, count: int, classes: int) -> None:
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(classes), count)
    labels = generator.integers(classes, size=count)
    shares = []
    for c in range(classes):
        edges = np.histogram(np.nextafter(probabilities[:, c], 0), bins=15, range=(0, 1))[0]
        accuracy, mean = calibration_curve(labels == c, probabilities[:, c], n_bins=15, pos_label=True)
        filled = edges[edges > 0]
        shares.append((filled / count * np.abs(accuracy - mean)).sum())
    assert classwise_calibration_error(probabilities, labels) == pytest.approx(np.mean(shares), abs=1e-9)
    each = [brier_score_loss(labels == c, probabilities[:, c]) for c in range(classes)]
    assert brier_score(probabilities, labels) == pytest.approx(np.sum(each))
    scores = calibration_scores(probabilities, labels)
    assert scores["log_loss"]["value"] == pytest.approx(log_loss(labels, probabilities, labels=range(classes)))
    for name in ("log_loss", "brier"):
        assert scores[name]["low"] <= scores[name]["value"] <= scores[name]["high"]


def test_adaptive_error_by_hand() -> None:
    confidence = np.array([0.9, 0.5, 0.6, 0.95, 0.7, 0.8])
    correct = np.array([True, False, True, True, False, True])
    # in order: .5 no, .6 yes, .7 no | .8 yes, .9 yes, .95 yes
    expected = (abs(1 - 1.8) + abs(3 - 2.65)) / 6
    assert adaptive_calibration_error(confidence, correct, bins=2) == pytest.approx(expected)
    # a bin per picture: the mean distance; more bins than pictures are not more than that
    assert adaptive_calibration_error(confidence, correct, bins=99) == pytest.approx(
        np.abs(correct - confidence).mean()
    )
    # one bin: the distance of the means, as the ECE's
    one = adaptive_calibration_error(confidence, correct, bins=1)
    assert one == pytest.approx(expected_calibration_error(confidence, correct, bins=1))


def test_calibrated_probabilities_have_small_errors() -> None:
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(4) / 2, 40_000)
    labels = (probabilities.cumsum(1) < generator.random(40_000)[:, None]).sum(1).clip(max=3)
    scores = calibration_scores(probabilities[:2000], labels[:2000])
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == labels
    assert classwise_calibration_error(probabilities, labels) < 0.01
    assert adaptive_calibration_error(confidence, correct) < 0.01
    # the Brier score of calibrated probabilities is 1 - E Σ p², their own spread
    assert brier_score(probabilities, labels) == pytest.approx(1 - (probabilities**2).sum(1).mean(), abs=0.01)
    assert scores["ece"]["low"] == 0
    assert scores["confidence"] == pytest.approx(probabilities[:2000].max(1).mean())
    assert sum(group["count"] for group in scores["reliability"]) == 2000
