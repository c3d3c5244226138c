from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from toprung.errors import DataError, RunError
from toprung.evaluation.label_errors import (
    class_bars,
    confident_classes,
    confident_joint,
    estimated_joint,
    label_error_candidates,
    shared_mistakes,
)
from toprung.evaluation.predictions import Predictions


def noisy(
    seed: int, count: int = 600, classes: int = 4, noise: float = 0.1, skill: float = 2.5
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return probabilities, labels of which some are wrong, and the true classes."""
    generator = np.random.default_rng(seed)
    true = generator.integers(classes, size=count)
    labels = np.where(generator.random(count) < noise, (true + 1) % classes, true)
    logits = generator.normal(size=(count, classes))
    logits[np.arange(count), true] += skill
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=1, keepdims=True), labels, true


def as_predictions(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> Predictions:
    count, classes = probabilities.shape
    return Predictions(
        tuple(f"/p/{i}.jpg" for i in range(count)),
        tuple(f"{i:032x}" for i in range(count)),
        labels,
        np.log(probabilities).astype(np.float32),
        tuple("abcdefgh"[:classes]),
    )


def test_joint_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6], [0.1, 0.9]])
    labels = np.array([0, 0, 0, 1, 1])
    # bars: class 0 (.9 + .7 + .2) / 3 = .6; class 1 (.6 + .9) / 2 = .75
    assert class_bars(probabilities, labels) == pytest.approx([0.6, 0.75])
    assert confident_classes(probabilities, labels).tolist() == [0, 0, 1, -1, 1]
    assert confident_joint(probabilities, labels).tolist() == [[2, 1], [0, 1]]
    # rows scaled to the labels' counts 3 and 2, of 5 pictures
    joint = estimated_joint(confident_joint(probabilities, labels), labels)
    assert joint == pytest.approx(np.array([[2, 1], [0, 2]]) / 5)


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.floats(0.0, 0.3))
def test_bars_and_joint_equal_those_of_cleanlab(seed: int, classes: int, noise: float) -> None:
    count = pytest.importorskip("cleanlab.count")
    thresholds = pytest.importorskip("cleanlab.internal.util").get_unique_classes
    probabilities, labels, _ = noisy(seed, 200, classes, noise)
    assert len(thresholds(labels)) == classes
    bars = count.get_confident_thresholds(labels, probabilities)
    assert class_bars(probabilities, labels) == pytest.approx(bars)
    # Of several classes over their bar cleanlab takes the likeliest of all, the paper the likeliest of those: the
    # two differ only where the likeliest of all is under its bar.
    over = probabilities >= bars
    likeliest = probabilities.argmax(axis=1)
    same = (over.sum(axis=1) < 2) | over[np.arange(len(labels)), likeliest]
    same &= (np.abs(probabilities - bars) > 2e-6).all(axis=1)  # cleanlab lets in what is a millionth under its bar
    theirs = count.compute_confident_joint(labels[same], probabilities[same], thresholds=bars, calibrate=False)
    sure = confident_classes(probabilities, labels)[same]
    ours = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(ours, (labels[same][sure >= 0], sure[sure >= 0]), 1)
    np.fill_diagonal(theirs, np.where(np.diag(ours) == 0, 0, np.diag(theirs)))  # cleanlab keeps the diagonal at 1
    assert ours.tolist() == theirs.tolist()


def test_joint_estimates_the_share_of_wrong_labels() -> None:
    probabilities, labels, true = noisy(3, count=20_000, noise=0.1, skill=6)
    joint = estimated_joint(confident_joint(probabilities, labels), labels)
    assert joint.sum() == pytest.approx(1)
    assert joint.sum(axis=1) == pytest.approx(np.bincount(labels) / len(labels))
    assert 1 - np.trace(joint) == pytest.approx((labels != true).mean(), abs=0.01)


def test_candidates_are_the_wrong_labels_most_doubtful_first() -> None:
    probabilities, labels, true = noisy(5, noise=0.08, skill=5)
    found = label_error_candidates([as_predictions(probabilities, labels)])
    rows = [int(one.hash, 16) for one in found]
    wrong = set(np.flatnonzero(labels != true))
    assert len(wrong & set(rows)) >= 0.9 * len(wrong)
    assert len(wrong & set(rows)) >= 0.9 * len(rows)
    assert [one.margin for one in found] == sorted((one.margin for one in found), reverse=True)
    first = found[0]
    assert first.path == f"/p/{rows[0]}.jpg"
    assert (first.label, first.suggested) == ("abcd"[labels[rows[0]]], "abcd"[true[rows[0]]])
    assert first.agreement == 1
    assert first.confidence == pytest.approx(probabilities[rows[0]].max(), abs=1e-6)


def test_more_models_find_wrong_labels_more_surely() -> None:
    def precision(models: int) -> float:
        hits = candidates = 0
        for seed in range(5):
            _, labels, true = noisy(seed, noise=0.05)
            several = []
            for number in range(models):
                logits = np.random.default_rng(100 * seed + number).normal(size=(len(true), 4))
                logits[np.arange(len(true)), true] += 2.5
                several.append(as_predictions(np.exp(logits) / np.exp(logits).sum(1, keepdims=True), labels))
            found = label_error_candidates(several, at_least=models)
            rows = [int(one.hash, 16) for one in found]
            hits += int((labels[rows] != true[rows]).sum())
            candidates += len(rows)
        return hits / candidates

    assert precision(3) > precision(1) + 0.1


def test_pictures_are_matched_by_content_and_classes_by_name() -> None:
    probabilities, labels, _ = noisy(1)
    first = as_predictions(probabilities, labels)
    order = np.random.default_rng(0).permutation(len(labels))
    turned = [2, 0, 3, 1]  # class place in the second model
    second = Predictions(
        tuple(f"/moved/{i}.jpg" for i in order),
        tuple(first.hashes[i] for i in order),
        np.argsort(turned)[labels[order]],
        first.logits[order][:, turned],
        tuple(first.classes[i] for i in turned),
    )
    alone, both = label_error_candidates([first]), label_error_candidates([first, second])
    assert [(one.path, one.label, one.suggested) for one in alone] == [
        (one.path, one.label, one.suggested) for one in both
    ]
    assert {one.agreement for one in both} == {2}
    assert [one.margin for one in both] == pytest.approx([one.margin for one in alone])


def test_shared_mistakes_are_what_all_get_wrong() -> None:
    labels = np.array([0, 0, 0, 1, 2])
    answers = np.array([[0, 1, 1, 2, 2], [1, 1, 2, 2, 2], [0, 1, 1, 2, 0]])
    models = [as_predictions(0.01 + 0.97 * np.eye(3)[given], labels) for given in answers]
    found = shared_mistakes(models)
    assert [(one.path, one.label, one.suggested, one.agreement) for one in found] == [
        ("/p/1.jpg", "a", "b", 3),
        ("/p/3.jpg", "b", "c", 3),
        ("/p/2.jpg", "a", "b", 2),  # the third says c, but all are wrong
    ]
    assert {one.path for one in shared_mistakes(models, at_least=1)} == {f"/p/{i}.jpg" for i in range(5)}


def test_unlabelled_pictures_are_left_out_and_a_class_without_pictures_is_no_suggestion() -> None:
    probabilities = np.array([[0.3, 0.1, 0.6], [0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.1, 0.8]])
    found = label_error_candidates([as_predictions(probabilities, np.array([0, 0, 1, -1]))])
    assert found == []


def test_what_does_not_go_together_is_refused() -> None:
    probabilities, labels, _ = noisy(1, count=20)
    first = as_predictions(probabilities, labels)
    with pytest.raises(RunError, match="other pictures or labels"):
        label_error_candidates([first, as_predictions(probabilities[:10], labels[:10])])
    with pytest.raises(RunError, match="other classes"):
        label_error_candidates([first, replace(first, classes=("a", "b", "c", "x"))])
    with pytest.raises(RunError, match="no predictions"):
        shared_mistakes([])
    with pytest.raises(RunError, match="none of 20 pictures has a label"):
        shared_mistakes([replace(first, labels=np.full(20, -1))])
    with pytest.raises(DataError, match="between 1 and 1"):
        shared_mistakes([first], at_least=2)
    with pytest.raises(DataError, match="classes"):
        class_bars(probabilities, labels + 4)
