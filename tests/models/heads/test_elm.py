from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from tests.models.heads.clusters import make_clusters
from toprung.models.head_fitting import Features, HeadData, HeadOptions, log_loss, logits_of
from toprung.models.heads import elm


@pytest.mark.parametrize("hidden", [40, 300])
def test_output_weights_are_a_ridge_regression_of_scikit_learn_up_to_one_scale(hidden: int) -> None:
    data = make_clusters(classes=3, train=120)
    fitted = elm.fit(data, HeadOptions(hidden=hidden))
    with torch.no_grad():
        train, val = (
            fitted.head.hidden(torch.from_numpy(part.values)).relu().double().numpy() for part in (data.train, data.val)
        )
    strength = float(fitted.chosen.rpartition(" ")[2])
    exact = [share * np.square(train - train.mean(0)).sum() / hidden for share in elm.STRENGTHS]
    strength = min(exact, key=lambda one: abs(np.log(one / strength)))
    theirs = Ridge(alpha=strength, solver="cholesky").fit(train, np.eye(3)[data.train.labels]).predict(val)
    found = logits_of(fitted.head, data.val.values)
    scale = (found * theirs).sum() / np.square(theirs).sum()
    assert scale > 0
    np.testing.assert_allclose(found, scale * theirs, atol=1e-3 * np.abs(found).max())


def test_no_other_scale_has_a_lower_log_loss_on_slightly_softened_validation_labels() -> None:
    data = make_clusters(classes=3)
    logits = torch.from_numpy(logits_of(elm.fit(data, HeadOptions(hidden=64)).head, data.val.values)).double()
    soft = 1 / (len(logits) + 2) * 3 / 2  # torch's smoothing gives the true class a third of it back
    labels = torch.from_numpy(data.val.labels)
    losses = [
        float(torch.nn.functional.cross_entropy(factor * logits, labels, label_smoothing=soft))
        for factor in (0.9, 0.99, 1.0, 1.01, 1.1)
    ]
    assert losses[2] == min(losses)


def test_enough_hidden_units_fit_any_training_labels() -> None:
    """Huang et al. 2006: with as many random units as pictures the training labels are fitted exactly."""
    draw = np.random.default_rng(0)
    data = make_clusters(classes=2, train=30)
    data.train.labels[:] = draw.permutation(data.train.labels)
    path_end = elm.fit(type(data)(data.train, data.train, 2), HeadOptions(hidden=512))
    assert (logits_of(path_end.head, data.train.values).argmax(1) == data.train.labels).all()


def test_the_seed_fixes_the_hidden_layer() -> None:
    data = make_clusters()
    first, second, other = (
        elm.fit(data, HeadOptions(seed=seed, hidden=32)).head.state_dict()["hidden.weight"] for seed in (0, 0, 1)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_probabilities_stay_below_one_where_every_answer_is_right() -> None:
    draw = np.random.default_rng(0)
    labels = np.arange(90) % 3
    values = (np.eye(3)[labels] + draw.normal(0, 0.01, (90, 3))).astype(np.float32)
    part = Features(values, labels.astype(np.int64))
    fitted = elm.fit(HeadData(part, part, 3), HeadOptions(hidden=100))
    logits = logits_of(fitted.head, values)
    assert (logits.argmax(axis=1) == labels).all()
    assert 1e-3 < log_loss(logits, labels) < 0.1  # one label in 92 counts as unsure, so about 1/92
