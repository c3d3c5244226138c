"""Paired comparisons against statsmodels and scikit-learn, and their intervals by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss
from statsmodels.stats.contingency_tables import mcnemar

from toprung.evaluation.comparison.paired import compare_pair
from toprung.evaluation.predictions import Predictions


def predictions(labels: NDArray[np.int64], logits: NDArray[np.float64]) -> Predictions:
    names = tuple(f"p{row}" for row in range(len(labels)))
    classes = tuple("abcd"[: logits.shape[1]])
    return Predictions(names, names, labels, logits.astype(np.float32), classes)


def drawn(seed: int, skills: tuple[float, float], pictures: int = 200) -> tuple[Predictions, Predictions]:
    """Draw two models whose logits share a part, as models of the same pictures do."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(4, size=pictures)
    common = draw.normal(size=(pictures, 4))
    made = [common + draw.normal(size=(pictures, 4)) + skill * np.eye(4)[labels] for skill in skills]
    return predictions(labels, made[0]), predictions(labels, made[1])


def test_values_and_p() -> None:
    first, second = drawn(0, (1.0, 2.0))
    found = compare_pair(first, second)
    table = [[found.both, found.first_only], [found.second_only, found.neither]]
    assert np.sum(table) == found.pictures == 200
    assert found.p_value == pytest.approx(mcnemar(table, exact=True).pvalue)
    metrics = {
        "balanced_accuracy": lambda one: balanced_accuracy_score(one.labels, one.predicted),
        "macro_f1": lambda one: f1_score(one.labels, one.predicted, average="macro"),
        "log_loss": lambda one: log_loss(one.labels, one.probabilities, labels=range(4)),
    }
    for name, metric in metrics.items():
        assert found.metrics[name].difference == pytest.approx(metric(second) - metric(first), abs=1e-6)
        assert found.metrics[name].low < found.metrics[name].difference < found.metrics[name].high
    assert found.accuracy.low < found.accuracy.difference < found.accuracy.high


def test_the_order_of_rows_and_classes_does_not_matter() -> None:
    first, second = drawn(1, (1.0, 1.5))
    order = np.random.default_rng(0).permutation(len(second))
    columns = [2, 0, 3, 1]
    shuffled = Predictions(
        tuple(second.paths[row] for row in order),
        tuple(second.hashes[row] for row in order),
        np.argsort(columns)[second.labels[order]],
        second.logits[order][:, columns],
        tuple(second.classes[column] for column in columns),
    )
    assert compare_pair(first, shuffled).to_json() == compare_pair(first, second).to_json()


def test_a_model_against_itself() -> None:
    first, _ = drawn(2, (1.0, 1.0))
    found = compare_pair(first, first)
    assert (found.first_only, found.second_only, found.p_value) == (0, 0, 1.0)
    assert found.accuracy.difference == 0
    assert found.bootstrap == (0, 0)


def test_coverage_of_the_bootstrap() -> None:
    """The true difference of accuracies, from a million pictures, lies within about 95 % of the intervals."""
    big = drawn(99, (1.0, 1.5), pictures=400_000)
    truth = [float((one.predicted == one.labels).mean()) for one in big]
    held = [0, 0]
    for seed in range(200):
        found = compare_pair(*drawn(seed, (1.0, 1.5)))
        held[0] += found.bootstrap.low <= truth[1] - truth[0] <= found.bootstrap.high
        held[1] += found.accuracy.low <= truth[1] - truth[0] <= found.accuracy.high
    assert min(held) / 200 >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 200)
