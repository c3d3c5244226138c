from __future__ import annotations

import numpy as np
import torch
from sklearn.neighbors import KNeighborsClassifier

from tests.models.heads.clusters import make_clusters
from toprung.models.head_fitting import HeadOptions, log_loss, logits_of
from toprung.models.heads import knn


def test_answers_are_those_of_a_loop_over_pictures() -> None:
    data = make_clusters(classes=4, train=80, val=30)
    fitted = knn.fit(data, HeadOptions())
    k = int(fitted.sizes["k"])
    train = data.train.values.astype(np.float64)
    logits = logits_of(fitted.head, data.val.values)
    for place, picture in enumerate(data.val.values.astype(np.float64)):
        similarity = [one @ picture / np.linalg.norm(one) / np.linalg.norm(picture) for one in train]
        votes = np.zeros(4)
        for row in np.argsort(similarity)[::-1][:k]:
            votes[data.train.labels[row]] += np.exp(similarity[row] / 0.07)
        shares = (k * votes / votes.sum() + 1 / 4) / (k + 1)
        np.testing.assert_allclose(logits[place], np.log(shares), atol=1e-3)


def test_classes_are_those_of_scikit_learn() -> None:
    data = make_clusters(classes=3, train=120, val=200)
    fitted = knn.fit(data, HeadOptions())
    peer = KNeighborsClassifier(
        int(fitted.sizes["k"]), metric="cosine", weights=lambda distance: np.exp((1 - distance) / 0.07)
    )
    peer.fit(data.train.values.astype(np.float64), data.train.labels)
    theirs = peer.predict(data.val.values.astype(np.float64))
    assert (logits_of(fitted.head, data.val.values).argmax(1) == theirs).all()


def test_k_is_the_best_on_validation() -> None:
    data = make_clusters(classes=3, train=150)
    fitted = knn.fit(data, HeadOptions())
    losses = {}
    for k in (k for k in knn.NEIGHBOURS if k <= 150):
        head = knn.KNearestNeighbours(150, 8, 3, k, knn.TEMPERATURE)
        head.load_state_dict(fitted.head.state_dict())
        losses[k] = log_loss(logits_of(head, data.val.values), data.val.labels)
    assert fitted.sizes["k"] == min(losses, key=lambda k: losses[k])


def test_fewer_training_pictures_than_neighbours() -> None:
    data = make_clusters(classes=2, train=4, val=10)
    assert knn.fit(data, HeadOptions()).sizes["k"] <= 4


def test_logits_are_logarithms_of_shares() -> None:
    data = make_clusters()
    logits = torch.from_numpy(logits_of(knn.fit(data, HeadOptions()).head, data.val.values))
    torch.testing.assert_close(logits.exp().sum(1), torch.ones(60))
