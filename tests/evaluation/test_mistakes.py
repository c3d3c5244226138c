from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung.evaluation.mistakes import confident_mistakes, confused_pairs, doubtful_labels
from toprung.evaluation.predictions import Predictions


def make(labels: list[int], probabilities: np.ndarray) -> Predictions:
    names = tuple(f"p{i}.png" for i in range(len(labels)))
    logits = np.log(np.asarray(probabilities)).astype(np.float32)
    return Predictions(names, names, np.asarray(labels), logits, tuple("abcdefgh"[: logits.shape[1]]))


def test_surest_mistake_first_and_unknown_labels_left_out() -> None:
    predictions = make([0, 0, 1, -1, 1], np.array([[0.9, 0.1], [0.3, 0.7], [0.95, 0.05], [0.99, 0.01], [0.2, 0.8]]))
    found = confident_mistakes(predictions)
    assert [mistake.row for mistake in found] == [2, 1]
    assert (found[0].true, found[0].other, found[0].path) == ("b", "a", "p2.png")
    assert found[0].probability == pytest.approx(0.95)
    assert found[0].true_probability == pytest.approx(0.05)
    assert len(confident_mistakes(predictions, limit=1)) == 1


@given(st.integers(0, 40), st.integers(2, 8), st.integers(0, 2**32 - 1))
def test_mistakes_are_exactly_the_wrong_answers_in_order(count: int, classes: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    labels = generator.integers(-1, classes, size=count)
    predictions = make(labels.tolist(), generator.dirichlet(np.ones(classes), size=count).reshape(count, classes))
    found = confident_mistakes(predictions)
    wrong = {i for i in range(count) if labels[i] >= 0 and predictions.predicted[i] != labels[i]}
    assert {mistake.row for mistake in found} == wrong
    assert all(x.probability >= y.probability for x, y in pairwise(found))
    assert all(mistake.true != mistake.other for mistake in doubtful_labels(predictions))


def test_planted_wrong_labels_are_found_first() -> None:
    generator = np.random.default_rng(0)
    true = generator.integers(4, size=400)
    probabilities = np.full((400, 4), 0.05)
    probabilities[np.arange(400), true] = 0.85
    probabilities += generator.random((400, 4)) * 0.002
    labels = true.copy()
    planted = generator.choice(400, 20, replace=False)
    labels[planted] = (labels[planted] + 1) % 4
    found = doubtful_labels(make(labels.tolist(), probabilities / probabilities.sum(axis=1, keepdims=True)))
    assert {mistake.row for mistake in found} == set(planted.tolist())
    assert [m.probability - m.true_probability for m in found] == sorted(
        (m.probability - m.true_probability for m in found), reverse=True
    )


def test_a_hesitant_mistake_is_no_doubtful_label() -> None:
    predictions = make([0, 1, 0], np.array([[0.9, 0.1], [0.05, 0.95], [0.45, 0.55]]))
    assert len(confident_mistakes(predictions)) == 1
    assert doubtful_labels(predictions) == []


def test_no_labels_no_doubts() -> None:
    assert doubtful_labels(make([-1], np.array([[0.5, 0.5]]))) == []


def test_confused_pairs() -> None:
    pairs = confused_pairs([[8, 2, 0], [2, 2, 0], [1, 0, 9]], ["a", "b", "c"])
    assert [(pair.true, pair.predicted, pair.count) for pair in pairs] == [
        ("b", "a", 2),
        ("a", "b", 2),
        ("c", "a", 1),
    ]
    assert pairs[0].share == pytest.approx(0.5)
    assert confused_pairs([[3, 0], [0, 4]], ["a", "b"]) == []
