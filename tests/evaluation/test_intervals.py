import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from toprung.errors import DataError
from toprung.evaluation.intervals import bootstrap, group_sums, wilson


@given(st.integers(1, 5000), st.floats(0, 1), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_wilson_equals_scipy(trials: int, share: float, confidence: float) -> None:
    successes = round(share * trials)
    expected = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    low, high = wilson(successes, trials, confidence=confidence)
    assert low == pytest.approx(expected.low, abs=1e-12)
    assert high == pytest.approx(expected.high, abs=1e-12)
    assert 0 <= low <= successes / trials <= high <= 1


def test_wilson_of_the_textbook_example() -> None:
    # Agresti & Coull 1998, table 1: 0 of 10 gives (0, 0.278)
    low, high = wilson(0, 10)
    assert (float(low), round(float(high), 3)) == (0.0, 0.278)


def test_wilson_is_vectorised_and_knows_nothing_of_nothing() -> None:
    low, high = wilson(
        [[0, 5], [10, 0]],
        [
            10,
            10,
        ],
    )
    assert low.shape == (2, 2)
    assert wilson(0, 0) == (0.0, 1.0)
    assert (low[1, 0], high[1, 0]) == (pytest.approx(0.7225, abs=1e-4), 1.0)


@pytest.mark.parametrize(("successes", "trials"), [(-1, 10), (11, 10), (float("nan"), 10), (1, float("inf"))])
def test_wilson_refuses_counts_that_cannot_be(successes: float, trials: float) -> None:
    with pytest.raises(DataError, match="successes"):
        wilson(successes, trials)


def test_confidence_is_checked() -> None:
    with pytest.raises(DataError, match=r"0\.95"):
        wilson(1, 2, confidence=95)


@pytest.mark.parametrize(("share", "trials"), [(0.5, 40), (0.87, 300), (0.97, 60)])
def test_wilson_covers_as_promised(share: float, trials: int) -> None:
    drawn = np.random.default_rng(1).binomial(trials, share, size=100_000)
    low, high = wilson(drawn, trials)
    assert 0.925 < np.mean((low <= share) & (share <= high)) < 0.975


def _mean_of(values: np.ndarray):
    return lambda weights: weights @ values / weights.sum(axis=1)


@pytest.mark.parametrize("method", ["percentile", "basic"])
def test_bootstrap_of_a_mean_agrees_with_the_normal_interval(method: str) -> None:
    values = np.random.default_rng(0).normal(3, 2, size=1000)
    low, high = bootstrap({"mean": _mean_of(values)}, 1000, resamples=4000, method=method)["mean"]
    half = 1.96 * values.std() / np.sqrt(1000)
    assert low == pytest.approx(values.mean() - half, abs=0.02)
    assert high == pytest.approx(values.mean() + half, abs=0.02)


def test_bootstrap_covers_as_promised() -> None:
    generator, hits = np.random.default_rng(2), 0
    for seed in range(300):
        values = generator.gamma(4.0, 0.25, size=120)
        low, high = bootstrap({"mean": _mean_of(values)}, 120, resamples=400, seed=seed)["mean"]
        hits += low <= 1.0 <= high
    assert 0.90 <= hits / 300 <= 0.98


def test_bootstrap_is_seeded_and_does_not_depend_on_the_company() -> None:
    values = np.random.default_rng(0).random(50)
    alone = bootstrap({"a": _mean_of(values)}, 50, seed=7)
    both = bootstrap({"b": _mean_of(values**2), "a": _mean_of(values)}, 50, seed=7)
    assert alone["a"] == both["a"]
    assert alone["a"] != bootstrap({"a": _mean_of(values)}, 50, seed=8)["a"]


def test_bootstrap_leaves_out_resamples_without_a_value() -> None:
    half = bootstrap({"m": lambda w: np.where(np.arange(len(w)) % 2, 1.0, np.nan)}, 10)["m"]
    none = bootstrap({"m": lambda w: np.full(len(w), np.nan)}, 10)["m"]
    assert half == (1.0, 1.0)
    assert np.isnan(none).all()


def test_bootstrap_refuses_nothing() -> None:
    with pytest.raises(DataError, match="pictures"):
        bootstrap({}, 0)


def test_bootstrap_is_fast() -> None:
    values, groups = np.random.default_rng(0).random(2000), np.arange(2000) % 200
    began = time.perf_counter()
    bootstrap({"m": _mean_of(values), "g": lambda w: group_sums(w, groups, 200).max(axis=1)}, 2000)
    assert time.perf_counter() - began < 1


@given(st.lists(st.integers(0, 6), max_size=30), st.integers(1, 4))
def test_group_sums_equal_a_one_hot_product(groups: list[int], rows: int) -> None:
    index = np.asarray(groups, dtype=np.int64)
    weights = np.random.default_rng(0).integers(0, 5, size=(rows, len(groups))).astype(float)
    expected = weights @ np.eye(7)[index] if groups else np.zeros((rows, 7))
    assert np.array_equal(group_sums(weights, index, 7), expected)
