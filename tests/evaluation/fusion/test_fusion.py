"""Fusion against closed forms, scikit-learn and simulation."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from toprung.errors import DataError, RecipeError, RunError
from toprung.evaluation.fusion import Answers, combiner_from_json, log_loss, log_softmax, method, method_names
from toprung.evaluation.fusion.choosing import choose_method, cross_fitted
from toprung.evaluation.fusion.fused import Fusion, fit_fusion
from toprung.evaluation.fusion.greedy import select
from toprung.evaluation.fusion.stacking import Stacking
from toprung.evaluation.fusion.weighted import fit_shares

Logits = list[NDArray[np.float32]]


def models(seed: int, skills: list[float], pictures: int = 120, classes: int = 4) -> tuple[Logits, NDArray[np.int64]]:
    """Draw logits of models of different skill with independent mistakes, and the true classes."""
    draw = np.random.default_rng(seed)
    labels = np.arange(pictures) % classes
    truth = np.eye(classes)[labels]
    return [(draw.normal(size=(pictures, classes)) + s * truth).astype(np.float32) for s in skills], labels


def answers_of(logits: Logits) -> Answers:
    """Return log-probabilities ``(M, N, C)``."""
    return np.stack([log_softmax(one) for one in logits])


@pytest.mark.parametrize("name", method_names())
def test_what_was_fitted_is_written_and_read(name: str) -> None:
    logits, labels = models(0, [1.0, 2.0, 3.0])
    fusion = fit_fusion(name, logits, labels, seed=0)
    again = Fusion.from_json(json.loads(json.dumps(fusion.to_json())))
    fused = fusion.combine(logits)
    assert np.array_equal(fused, again.combine(logits))
    assert fused.dtype == np.float32
    assert np.allclose(np.exp(fused.astype(np.float64)).sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", ["mean-probabilities", "mean-logits", "weighted", "greedy"])
def test_a_mean_of_equal_members_is_the_member(name: str) -> None:
    logits, labels = models(1, [2.0])
    answers = answers_of(logits * 3)
    assert np.allclose(method(name).fit(answers, labels, seed=0).combine(answers), answers[0], atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["mean-probabilities", "mean-logits", "weighted", "vote"]))
def test_the_order_of_members_and_classes_does_not_matter(seed: int, name: str) -> None:
    logits, labels = models(seed, [0.5, 1.5, 2.5], pictures=40)
    answers = answers_of(logits)
    draw = np.random.default_rng(seed)
    members, classes = draw.permutation(3), draw.permutation(4)
    fused = method(name).fit(answers, labels, seed=0).combine(answers)
    renamed = np.argsort(classes)[labels]
    other = answers[members][:, :, classes]
    shuffled = method(name).fit(other, renamed, seed=0).combine(other)
    assert np.allclose(fused[:, classes], shuffled, atol=1e-6)


def test_mean_logits_is_the_geometric_mean() -> None:
    logits, labels = models(2, [1.0, 2.0])
    answers = answers_of(logits)
    geometric = np.sqrt(np.exp(answers[0]) * np.exp(answers[1]))
    expected = geometric / geometric.sum(axis=1, keepdims=True)
    fused = method("mean-logits").fit(answers, labels, seed=0).combine(answers)
    assert np.allclose(np.exp(fused), expected)


def test_weights_are_the_likeliest() -> None:
    """Against SciPy's constrained minimiser, without the prior."""
    logits, labels = models(3, [0.5, 1.0, 2.0])
    true = np.exp(answers_of(logits)[:, np.arange(len(labels)), labels])

    def loss(free: NDArray[np.float64]) -> float:
        shares = np.exp(free) / np.exp(free).sum()
        return float(-np.log(shares @ true).mean())

    best = min(minimize(loss, start, tol=1e-12).fun for start in np.random.default_rng(0).normal(size=(5, 3)))
    shares = fit_shares(answers_of(logits), labels, prior=0.0)
    assert shares.min() >= 0
    assert shares.sum() == pytest.approx(1)
    assert -np.log(shares @ true).mean() == pytest.approx(best, abs=1e-6)


def test_weights_of_a_known_mixture_are_found() -> None:
    """Labels are drawn from a mixture of two models' probabilities; its weights come back."""
    draw = np.random.default_rng(4)
    answers = log_softmax(draw.normal(size=(2, 40_000, 3)) * 2)
    mixture = 0.3 * np.exp(answers[0]) + 0.7 * np.exp(answers[1])
    labels = (draw.random((40_000, 1)) > mixture.cumsum(axis=1)).sum(axis=1)
    assert fit_shares(answers, labels) == pytest.approx([0.3, 0.7], abs=0.03)


def test_few_pictures_leave_the_weights_near_equal() -> None:
    logits, labels = models(5, [1.0, 1.2], pictures=4)
    assert fit_shares(answers_of(logits), labels) == pytest.approx([0.5, 0.5], abs=0.25)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_greedy_is_never_worse_than_its_best_member(seed: int) -> None:
    logits, labels = models(seed, [0.5, 1.0, 1.5], pictures=40)
    answers = answers_of(logits)
    shares = select(answers, labels, [0, 1, 2])
    fused = np.log(np.tensordot(shares, np.exp(answers), axes=1))
    alone = min(log_loss(one, labels).mean() for one in answers)
    assert log_loss(fused, labels).mean() <= alone + 1e-12
    assert shares.sum() == pytest.approx(1)


def test_stacking_is_scikit_learns_regression() -> None:
    logits, labels = models(6, [1.0, 2.0])
    answers = answers_of(logits)
    stacked = Stacking.fit(answers, labels, seed=0)
    features = np.maximum(answers, -12).transpose(1, 0, 2).reshape(len(labels), -1)
    model = LogisticRegression(C=stacked.strength, max_iter=2000).fit(features, labels)
    assert np.allclose(stacked.combine(answers), model.predict_log_proba(features), atol=1e-8)


def test_stacking_of_two_classes() -> None:
    logits, labels = models(7, [1.0, 2.0], classes=2)
    answers = answers_of(logits)
    stacked = Stacking.fit(answers, labels, seed=0)
    features = np.maximum(answers, -12).transpose(1, 0, 2).reshape(len(labels), -1)
    model = LogisticRegression(C=stacked.strength, max_iter=2000).fit(features, labels)
    assert np.allclose(stacked.combine(answers), model.predict_log_proba(features), atol=1e-8)


def test_stacking_wants_every_class() -> None:
    logits, labels = models(8, [1.0, 2.0])
    with pytest.raises(DataError, match="class 3 has 0; use --method weighted"):
        method("stacking").fit(answers_of(logits)[:, labels < 3], labels[labels < 3], seed=0)


def test_votes_by_hand() -> None:
    """Two of three members say class 0, however sure the third is of class 1; a tie goes to the surer member."""
    answers = np.log(
        np.array(
            [
                [[0.4, 0.3, 0.3], [0.9, 0.05, 0.05]],
                [[0.4, 0.3, 0.3], [0.1, 0.5, 0.4]],
                [[0.01, 0.98, 0.01], [0.2, 0.2, 0.6]],
            ]
        )
    )
    fused = method("vote").fit(answers, np.array([0, 0]), seed=0).combine(answers)
    assert fused.argmax(axis=1).tolist() == [0, 0]
    assert np.exp(fused).sum(axis=1) == pytest.approx([1, 1])


def test_every_picture_is_judged_by_a_fusion_that_did_not_see_it() -> None:
    """Labels that nothing tells: fitted methods are right no more often than chance when they are cross-fitted."""
    draw = np.random.default_rng(9)
    logits = [draw.normal(size=(400, 4)).astype(np.float32) for _ in range(3)]
    labels = draw.integers(4, size=400)
    assert cross_fitted("stacking", logits, labels, seed=0).accuracy == pytest.approx(0.25, abs=0.08)


def test_the_choice_prefers_weights_where_a_member_is_noise() -> None:
    logits, labels = models(10, [3.0, 0.0, 0.0], pictures=400)
    chosen, candidates = choose_method(logits, labels, seed=0, tempered=False)  # temperatures would weigh them too
    assert chosen in ("weighted", "greedy", "stacking")
    assert [one.method for one in candidates] == [name for name in method_names() if name != "vote"]


def test_a_flexible_method_is_not_made_too_sure_by_its_own_pictures() -> None:
    """Few pictures, many features: stacking answers its own all right, and must still be honest about new ones."""
    logits, labels = models(11, [1.0] * 6, pictures=60)
    new, truth = models(12, [1.0] * 6, pictures=2000)
    fused = fit_fusion("stacking", logits, labels, seed=0).combine(new).astype(np.float64)
    chance = np.log(4)
    assert log_loss(fused, truth).mean() < chance


def test_mistakes() -> None:
    with pytest.raises(RecipeError, match=r"no fusion method 'weigthed'.*Did you mean weighted"):
        method("weigthed")
    with pytest.raises(RunError, match="damaged or of a newer toprung"):
        combiner_from_json({"method": "weighted"})
    logits, labels = models(0, [1.0, 2.0])
    with pytest.raises(RunError, match="has 2 members, and 1 answered"):
        fit_fusion("vote", logits, labels, seed=0).combine(logits[:1])
