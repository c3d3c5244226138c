from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import softmax

from toprung.errors import DataError
from toprung.evaluation.conformal import (
    METHODS,
    Raps,
    calibrate_sets,
    calibrate_sets_by_class,
    conformal_limit,
    uniform_of,
    with_likeliest,
)


def draw(
    generator: np.random.Generator, count: int, classes: int = 5, skill: float = 1.5
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    labels = generator.integers(classes, size=count)
    logits = generator.normal(size=(count, classes))
    logits[np.arange(count), labels] += skill - 0.5 * labels  # later classes are harder
    return softmax(2 * logits, axis=1), labels, generator.random(count)


@given(st.integers(1, 300), st.floats(0.01, 0.99))
def test_limit_is_the_exact_order_statistic(count: int, coverage: float) -> None:
    scores = np.random.default_rng(count).permutation(count).astype(float) + 1  # 1 … n in any order
    limit = conformal_limit(scores, coverage)
    if limit == math.inf:
        assert (count + 1) * coverage > count - 1e-6
    else:
        # of n + 1 exchangeable ranks a new one is among the lowest `limit` with chance limit / (n + 1)
        assert coverage - 1e-9 <= limit / (count + 1) < coverage + 1 / (count + 1)


def test_limits_by_hand() -> None:
    assert conformal_limit(np.arange(1.0, 10.0), 0.9) == 9  # ⌈10 × .9⌉ = 9
    assert conformal_limit(np.arange(1.0, 9.0), 0.9) == math.inf  # ⌈9 × .9⌉ = 9 of 8
    assert conformal_limit(np.arange(1.0, 100.0), 0.9) == 90
    assert conformal_limit(np.empty(0), 0.9) == math.inf


def test_scores_by_hand() -> None:
    probabilities, uniform = np.array([[0.2, 0.5, 0.3]]), np.array([0.5])
    assert METHODS["lac"].scores(probabilities, uniform) == pytest.approx(np.array([[0.8, 0.5, 0.7]]))
    assert METHODS["aps"].scores(probabilities, uniform) == pytest.approx(np.array([[0.9, 0.25, 0.65]]))
    raps = Raps(penalty=0.1, free=1).scores(probabilities, uniform)
    assert raps == pytest.approx(np.array([[0.9 + 0.2, 0.25, 0.65 + 0.1]]))


@pytest.mark.parametrize("method", list(METHODS))
def test_coverage_is_what_was_promised(method: str) -> None:
    """Over calibrations and pictures together, coverage is in [c, c + 1/(n + 1)]."""
    generator = np.random.default_rng(0)
    count, new, repeats, coverage = 60, 200, 1500, 0.85
    hits = []
    for _ in range(repeats):
        probabilities, labels, uniform = draw(generator, count + new)
        fitted, looked = slice(count), slice(count, None)
        rule = calibrate_sets(probabilities[fitted], labels[fitted], uniform[fitted], method=method, coverage=coverage)
        sets = rule.sets(probabilities[looked], uniform[looked])
        hits.append(sets[np.arange(new), labels[looked]].mean())
    error = 3 * np.std(hits) / math.sqrt(repeats)
    assert coverage - error <= np.mean(hits) <= coverage + 1 / (count + 1) + error


def test_each_class_is_covered_when_calibrated_by_class() -> None:
    generator = np.random.default_rng(1)
    shares = {"together": np.zeros(5), "by class": np.zeros(5)}
    endless, truth, noise = draw(generator, 20_000)
    for _ in range(60):
        probabilities, labels, uniform = draw(generator, 500)
        for name, calibrate in (("together", calibrate_sets), ("by class", calibrate_sets_by_class)):
            inside = calibrate(probabilities, labels, uniform).sets(endless, noise)[np.arange(20_000), truth]
            shares[name] += np.bincount(truth, weights=inside) / np.bincount(truth) / 60
    assert shares["by class"].min() > 0.89
    assert shares["together"].min() < 0.85  # the hard classes pay for the easy ones
    assert shares["together"].mean() == pytest.approx(0.9, abs=0.01)


def test_a_class_of_few_pictures_is_in_every_set() -> None:
    probabilities, labels, uniform = draw(np.random.default_rng(0), 200)
    rare = np.flatnonzero(labels == 4)[8:]
    keep = np.setdiff1d(np.arange(200), rare)
    rule = calibrate_sets_by_class(probabilities[keep], labels[keep], uniform[keep])
    assert rule.limits[4] == math.inf
    assert rule.sets(probabilities, uniform)[:, 4].all()


def test_an_exchange_of_the_calibration_pictures_changes_nothing() -> None:
    generator = np.random.default_rng(2)
    probabilities, labels, uniform = draw(generator, 100)
    order = generator.permutation(100)
    for method in METHODS:
        first = calibrate_sets(probabilities, labels, uniform, method=method)
        assert first == calibrate_sets(probabilities[order], labels[order], uniform[order], method=method)


def test_larger_coverage_gives_larger_sets_and_hard_pictures_more_classes() -> None:
    probabilities, labels, uniform = draw(np.random.default_rng(3), 2000)
    for method in METHODS:
        sizes = [
            calibrate_sets(probabilities, labels, uniform, method=method, coverage=c)
            .sets(probabilities, uniform)
            .sum(1)
            for c in (0.8, 0.9, 0.95)
        ]
        assert (sizes[0] <= sizes[1]).all()
        assert (sizes[1] <= sizes[2]).all()
        sure = probabilities.max(1) > 0.9
        assert sizes[1][sure].mean() < sizes[1][~sure].mean()


def test_sets_equal_those_of_mapie() -> None:
    classification = pytest.importorskip("mapie.classification")
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Given(ClassifierMixin, BaseEstimator):
        classes_ = np.arange(5)

        def fit(self, features: NDArray[np.float64], labels: NDArray[np.int64]) -> Given:
            return self

        def predict_proba(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
            return features

        def predict(self, features: NDArray[np.float64]) -> NDArray[np.int64]:
            return features.argmax(1)

        def __sklearn_is_fitted__(self) -> bool:
            return True

    generator = np.random.default_rng(4)
    probabilities, labels, _ = draw(generator, 300)
    new, _, _ = draw(generator, 200)
    theirs = classification.SplitConformalClassifier(
        Given(), confidence_level=0.9, conformity_score="lac", prefit=True, random_state=0
    )
    theirs.conformalize(probabilities, labels)
    ours = calibrate_sets(probabilities, labels, np.ones(300)).sets(new, np.ones(200))
    assert (ours == theirs.predict_set(new)[1][:, :, 0]).all()


def test_empty_sets_get_the_likeliest_class() -> None:
    probabilities = np.array([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1]])
    sets = np.array([[False, False, False], [True, False, False]])
    assert with_likeliest(sets, probabilities).tolist() == [[True, False, False], [True, False, False]]
    assert not sets[0].any()


def test_numbers_of_pictures_are_uniform_and_their_own() -> None:
    hashes = [f"{i:032x}" for i in range(5000)]
    numbers = uniform_of(hashes)
    assert uniform_of(hashes[::-1])[::-1].tolist() == numbers.tolist()
    assert 0 <= numbers.min() <= numbers.max() < 1
    counts = np.histogram(numbers, bins=10, range=(0, 1))[0]
    assert ((counts - 500) ** 2 / 500).sum() < 27.9  # chi square, 9 degrees, one in a thousand
    assert abs(np.corrcoef(numbers, uniform_of(hashes, seed=1))[0, 1]) < 0.05


def test_what_makes_no_sense_is_refused() -> None:
    probabilities, labels, uniform = draw(np.random.default_rng(0), 10)
    with pytest.raises(DataError, match="lac, aps, raps"):
        calibrate_sets(probabilities, labels, uniform, method="apps")
    with pytest.raises(DataError, match="coverage of 90"):
        calibrate_sets(probabilities, labels, uniform, coverage=90)
