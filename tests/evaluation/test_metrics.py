import json
import time

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from toprung.errors import DataError, RunError
from toprung.evaluation.metrics import score
from toprung.evaluation.predictions import Predictions


def make(labels: np.ndarray, logits: np.ndarray) -> Predictions:
    names = tuple(f"p{i}.png" for i in range(len(labels)))
    classes = tuple(f"c{i}" for i in range(logits.shape[1]))
    return Predictions(names, names, labels.astype(np.int64), logits.astype(np.float32), classes)


def drawn(count: int, classes: int, seed: int = 0, skill: float = 2.0) -> Predictions:
    generator = np.random.default_rng(seed)
    labels = generator.integers(classes, size=count)
    logits = generator.normal(size=(count, classes))
    logits[np.arange(count), labels] += skill
    return make(labels, logits)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(2, 9), st.integers(0, 2**32 - 1))
@pytest.mark.filterwarnings("ignore")
def test_values_equal_scikit_learn(count: int, classes: int, seed: int) -> None:
    predictions = drawn(count, classes, seed)
    scores = score(predictions)
    y, predicted, everything = predictions.labels, predictions.predicted, list(range(classes))
    assert scores["accuracy"]["value"] == pytest.approx(sk.accuracy_score(y, predicted))
    assert scores["balanced_accuracy"]["value"] == pytest.approx(sk.balanced_accuracy_score(y, predicted))
    assert scores["macro_f1"]["value"] == pytest.approx(sk.f1_score(y, predicted, average="macro"))
    expected = sk.log_loss(y, predictions.probabilities, labels=everything)
    assert scores["log_loss"]["value"] == pytest.approx(expected)
    assert scores["confusion"] == sk.confusion_matrix(y, predicted, labels=everything).tolist()
    if classes > 5:
        expected = sk.top_k_accuracy_score(y, predictions.logits, k=5, labels=everything)
        assert scores["top5"]["value"] == pytest.approx(expected)
    else:
        assert "top5" not in scores
    table = sk.precision_recall_fscore_support(y, predicted, labels=everything, zero_division=0)
    for name, column in zip(("precision", "recall", "f1", "pictures"), table, strict=True):
        assert [row[name] for row in scores["per_class"]] == pytest.approx(list(column))
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "log_loss"):
        assert scores[name]["low"] <= scores[name]["high"]
    json.dumps(scores, allow_nan=False)


@pytest.mark.parametrize("classes", [2, 200])
def test_few_and_many_classes_in_under_a_second(classes: int) -> None:
    began = time.perf_counter()
    scores = score(drawn(2000, classes))
    assert time.perf_counter() - began < 1
    assert len(scores["per_class"]) == classes
    assert sum(map(sum, scores["confusion"])) == scores["pictures"] == 2000
    assert sum(group["count"] for group in scores["reliability"]) == 2000
    assert scores["balanced_accuracy"]["low"] < scores["balanced_accuracy"]["value"]


def test_unlabelled_pictures_are_not_scored() -> None:
    predictions = drawn(50, 4)
    labels = predictions.labels.copy()
    labels[::2] = -1
    logits = predictions.logits.copy()
    logits[::2] = np.nan  # not even looked at
    known = make(predictions.labels[1::2], predictions.logits[1::2])
    assert score(make(labels, logits)) == score(known)


def test_no_labels_is_an_error() -> None:
    with pytest.raises(DataError, match="none of 2 pictures"):
        score(make(np.array([-1, -1]), np.zeros((2, 3))))


@pytest.mark.parametrize("label", [3, -2])
def test_labels_outside_the_classes_are_an_error(label: int) -> None:
    with pytest.raises(RunError, match=str(label)):
        score(make(np.array([0, label]), np.zeros((2, 3))))


def test_nan_logits_are_an_error() -> None:
    with pytest.raises(RunError, match="1 of 2 pictures"):
        score(make(np.array([0, 1]), np.array([[0, 1], [np.nan, 0]])))


def test_a_class_without_pictures_is_unknown_not_perfect() -> None:
    row = score(make(np.array([0, 0]), np.array([[2.0, 1, 0], [2, 1, 0]])))["per_class"][2]
    assert (row["pictures"], row["recall"], row["recall_low"], row["recall_high"]) == (0, 0.0, 0.0, 1.0)


def test_certain_and_wrong_is_a_large_but_finite_loss() -> None:
    scores = score(make(np.array([0, 1]), np.array([[-500.0, 500.0], [0, 1000.0]])))
    assert scores["log_loss"]["value"] == pytest.approx(500)


def test_top5_counts_ties_as_argmax_does() -> None:
    scores = score(make(np.array([5, 4]), np.zeros((2, 6))))
    assert scores["top5"]["correct"] == 1  # of six equal logits the first five are the five


def test_same_seed_same_numbers() -> None:
    predictions = drawn(80, 3)
    assert score(predictions, seed=3) == score(predictions, seed=3)
    assert score(predictions, seed=3)["macro_f1"] != score(predictions, seed=4)["macro_f1"]


def test_perfect_answers() -> None:
    scores = score(make(np.arange(40) % 4, 50 * np.eye(4)[np.arange(40) % 4]))
    assert scores["accuracy"]["high"] == 1.0
    assert scores["accuracy"]["low"] == pytest.approx(0.9124, abs=1e-4)  # 40 of 40, Wilson
    assert scores["macro_f1"]["value"] == scores["balanced_accuracy"]["value"] == 1.0
