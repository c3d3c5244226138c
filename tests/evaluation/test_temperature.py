from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from toprung.errors import DataError
from toprung.evaluation.temperature import HIGHEST, LOWEST, fit_temperature, log_loss_slope


def drawn(seed: int, count: int, classes: int, skill: float = 2.0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Logits with labels drawn from their own softmax: perfectly calibrated as they stand."""
    generator = np.random.default_rng(seed)
    logits = skill * generator.normal(size=(count, classes))
    probabilities = np.exp(log_softmax(logits, axis=1))
    labels = (probabilities.cumsum(1) < generator.random(count)[:, None]).sum(1).clip(max=classes - 1)
    return logits.astype(np.float32), labels.astype(np.int64)


def loss(logits: NDArray[np.float32], labels: NDArray[np.int64], temperature: float) -> float:
    given = log_softmax(logits.astype(np.float64) / temperature, axis=1)
    return float(-given[np.arange(len(labels)), labels].mean())


@given(st.integers(0, 2**32 - 1), st.integers(20, 200), st.integers(2, 8), st.floats(0.3, 4.0))
def test_no_temperature_has_a_lower_loss_than_the_fitted_one(seed: int, count: int, classes: int, skill: float) -> None:
    logits, labels = drawn(seed, count, classes, skill)
    temperature = fit_temperature(logits, labels)
    assert LOWEST <= temperature <= HIGHEST
    theirs = minimize_scalar(
        lambda log: loss(logits, labels, float(np.exp(log))),
        bounds=np.log([LOWEST, HIGHEST]),
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert loss(logits, labels, temperature) <= theirs.fun + 1e-12
    if LOWEST * 1.01 < temperature < HIGHEST * 0.99:
        assert temperature == pytest.approx(np.exp(theirs.x), rel=1e-4)
        assert log_loss_slope(logits.astype(np.float64), labels, 1 / temperature) == pytest.approx(0, abs=1e-9)


@given(st.integers(0, 2**32 - 1), st.floats(0.2, 5.0))
def test_scaled_logits_have_a_scaled_temperature(seed: int, factor: float) -> None:
    logits, labels = drawn(seed, 150, 4)
    once = fit_temperature(logits.astype(np.float64), labels)
    assert fit_temperature(factor * logits.astype(np.float64), labels) == pytest.approx(factor * once, rel=1e-8)


def test_two_classes_have_a_closed_form() -> None:
    # logits ±z with a share p of right answers: the best confidence is p, so z (2/T) = log(p / (1 - p))
    logits = np.tile([1.5, -1.5], (100, 1)).astype(np.float32)
    labels = np.array([0] * 80 + [1] * 20)
    assert fit_temperature(logits, labels) == pytest.approx(3 / np.log(0.8 / 0.2), rel=1e-9)


def test_a_calibrated_model_keeps_its_confidence() -> None:
    logits, labels = drawn(0, 50_000, 5)
    assert fit_temperature(logits, labels) == pytest.approx(1, abs=0.02)
    assert fit_temperature(3 * logits, labels) == pytest.approx(3, abs=0.06)


def test_the_ends() -> None:
    logits = np.eye(3, dtype=np.float32)
    assert fit_temperature(logits, np.arange(3)) == LOWEST
    assert fit_temperature(logits, np.array([1, 2, 0])) == HIGHEST


def test_unknown_labels_are_left_out() -> None:
    logits, labels = drawn(1, 100, 3)
    more = np.concatenate([logits, 50 * logits[:10]])
    assert fit_temperature(more, np.concatenate([labels, np.full(10, -1)])) == fit_temperature(logits, labels)


def test_what_cannot_be_fitted_is_refused() -> None:
    logits, labels = drawn(1, 10, 3)
    with pytest.raises(DataError, match="none of 10 pictures"):
        fit_temperature(logits, np.full(10, -1))
    with pytest.raises(DataError, match="do not go with"):
        fit_temperature(logits, labels[:5])
    with pytest.raises(DataError, match="there are 3 classes"):
        fit_temperature(logits, labels + 3)
    with pytest.raises(DataError, match="diverged"):
        fit_temperature(np.where(logits == logits.max(), np.inf, logits), labels)
