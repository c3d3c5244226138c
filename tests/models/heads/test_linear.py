from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.nn import functional as F

from tests.models.heads.clusters import make_clusters
from toprung.models.head_fitting import Features, HeadData, HeadOptions, logits_of
from toprung.models.heads import linear


def _strength(chosen: str) -> float:
    """The strength that was chosen, from its name rounded to two digits."""
    named = float(chosen.removeprefix("λ = "))
    return min(linear.STRENGTHS, key=lambda strength: abs(np.log(strength / named)))


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_probabilities_are_those_of_scikit_learns_pipeline_at_that_strength(classes: int) -> None:
    data = make_clusters(classes=classes)
    fitted = linear.fit(data, HeadOptions())
    strength = 1 / (_strength(fitted.chosen) * len(data.train))
    peer = make_pipeline(StandardScaler(), LogisticRegression(C=strength, tol=1e-8, max_iter=10_000))
    peer.fit(data.train.values.astype(np.float64), data.train.labels)
    found = torch.from_numpy(logits_of(fitted.head, data.val.values)).softmax(1).numpy()
    np.testing.assert_allclose(found, peer.predict_proba(data.val.values.astype(np.float64)), atol=2e-4)


def test_the_objective_is_flat_at_the_solution() -> None:
    """Mean cross-entropy + λ/2 ‖W‖², W acting on standardised features: its gradient is 0 at its only minimum."""
    data = make_clusters(classes=4, train=200)
    fitted = linear.fit(data, HeadOptions())
    values = torch.from_numpy(data.train.values.astype(np.float64))
    mean, std = values.mean(0), values.std(0, correction=0)
    weight = (fitted.head.weight.detach().double() * std).requires_grad_()
    bias = (fitted.head.bias.detach().double() + fitted.head.weight.detach().double() @ mean).requires_grad_()
    loss = F.cross_entropy((values - mean) / std @ weight.T + bias, torch.from_numpy(data.train.labels))
    (loss + _strength(fitted.chosen) / 2 * weight.square().sum()).backward()
    for gradient in (weight.grad, bias.grad):
        assert gradient is not None
        assert float(gradient.abs().max()) < 5e-6


def test_the_strength_is_the_best_of_the_path_on_validation() -> None:
    data = make_clusters(classes=3, train=45, width=20)
    fitted = linear.fit(data, HeadOptions())
    losses = {}
    for strength in linear.STRENGTHS:
        peer = make_pipeline(StandardScaler(), LogisticRegression(C=1 / (strength * 45), tol=1e-7, max_iter=20_000))
        peer.fit(data.train.values.astype(np.float64), data.train.labels)
        shares = peer.predict_proba(data.val.values.astype(np.float64))
        losses[strength] = -np.log(shares[np.arange(len(data.val)), data.val.labels]).mean()
    assert _strength(fitted.chosen) == min(losses, key=lambda strength: losses[strength])


def test_a_constant_feature_does_no_harm() -> None:
    data = make_clusters()

    def with_constant(features: Features) -> Features:
        constant = np.full((len(features), 1), 0.1, dtype=np.float32)
        return Features(np.concatenate([features.values, constant], axis=1), features.labels)

    widened = HeadData(with_constant(data.train), with_constant(data.val), 3)
    plain = logits_of(linear.fit(data, HeadOptions()).head, data.val.values)
    found = logits_of(linear.fit(widened, HeadOptions()).head, widened.val.values)
    np.testing.assert_allclose(found - found.mean(1, keepdims=True), plain - plain.mean(1, keepdims=True), atol=1e-3)


def test_a_class_without_training_pictures_is_never_answered() -> None:
    data = make_clusters(classes=3)
    absent = HeadData(data.train, data.val, classes=4)
    logits = logits_of(linear.fit(absent, HeadOptions()).head, data.val.values)
    assert logits.shape == (60, 4)
    assert (logits.argmax(1) != 3).all()
