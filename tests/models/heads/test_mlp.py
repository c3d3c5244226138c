from __future__ import annotations

import numpy as np
import torch

from tests.models.heads.clusters import make_clusters
from toprung.models.head_fitting import Features, HeadData, HeadOptions, logits_of
from toprung.models.heads import linear, mlp


def _exclusive_or(count: int, seed: int) -> Features:
    values = np.random.default_rng(seed).uniform(-1, 1, (count, 2)).astype(np.float32)
    return Features(values, (values[:, 0] * values[:, 1] > 0).astype(np.int64))


def test_it_learns_what_no_linear_head_can() -> None:
    data = HeadData(_exclusive_or(400, 0), _exclusive_or(200, 1), 2)
    options = HeadOptions(hidden=64)
    right = {
        head.__name__: (logits_of(head.fit(data, options).head, data.val.values).argmax(1) == data.val.labels).mean()
        for head in (mlp, linear)
    }
    assert right[mlp.__name__] > 0.9
    assert right[linear.__name__] < 0.7


def test_the_same_seed_gives_the_same_head_and_leaves_torchs_generator_alone() -> None:
    data = make_clusters()
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    first = mlp.fit(data, HeadOptions(hidden=16)).head.state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(8)
    second = mlp.fit(data, HeadOptions(hidden=16)).head.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_training_stops_where_validation_gets_worse() -> None:
    """Labels that are drawn at random have nothing to learn, so the best epoch comes early."""
    data = make_clusters(classes=2, train=60)
    noise = Features(data.val.values, np.random.default_rng(0).integers(2, size=len(data.val)))
    data.train.labels[:] = np.random.default_rng(1).integers(2, size=60)
    chosen = mlp.fit(HeadData(data.train, noise, 2), HeadOptions()).chosen
    assert int(chosen.split()[-2]) < 20
