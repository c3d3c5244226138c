"""What every head in toprung.models.heads keeps to."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from accelerate import init_empty_weights

from tests.models.heads.clusters import make_clusters
from toprung.errors import ModelError
from toprung.models.head_fitting import HeadOptions, log_loss, logits_of
from toprung.models.heads import build_head, head_file, head_kinds

OPTIONS = HeadOptions(hidden=48)


@pytest.mark.parametrize("kind", head_kinds())
def test_it_learns_and_answers_with_finite_logits(kind: str) -> None:
    data = make_clusters(classes=5, train=150, val=100)
    logits = logits_of(head_file(kind).fit(data, OPTIONS).head, data.val.values)
    assert logits.shape == (100, 5)
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()
    assert (logits.argmax(1) == data.val.labels).mean() > 0.45
    assert log_loss(logits, data.val.labels) < np.log(5)


@pytest.mark.parametrize("kind", head_kinds())
def test_it_can_be_built_again_from_its_sizes_without_memory_and_answers_the_same(kind: str) -> None:
    data = make_clusters(classes=4)
    fitted = head_file(kind).fit(data, OPTIONS)
    with init_empty_weights():
        again = build_head({"kind": kind, **fitted.sizes}, 4)
    assert all(parameter.is_meta for parameter in again.parameters())
    again.load_state_dict(fitted.head.state_dict(), strict=True, assign=True)
    assert np.array_equal(logits_of(again.eval(), data.val.values), logits_of(fitted.head, data.val.values))


@pytest.mark.parametrize("kind", head_kinds())
def test_a_fit_is_repeated_by_its_seed_and_says_what_it_chose(kind: str) -> None:
    data = make_clusters()
    first, second = (head_file(kind).fit(data, OPTIONS) for _ in range(2))
    assert first.chosen == second.chosen != ""
    states = first.head.state_dict(), second.head.state_dict()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_an_unknown_head_suggests_the_nearest() -> None:
    with pytest.raises(ModelError, match=r"no head 'linaer'.*Did you mean linear"):
        head_file("linaer")


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "elm"},
        {"kind": "elm", "features": 3, "hidden": -1},
        {"kind": "elm", "features": 3, "hidden": "x"},
        {"kind": "elm", "features": 3.5, "hidden": 4},
        {"kind": "mlp", "features": 3, "hidden": 4, "path": 1},
        {"kind": "knn", "features": 3, "samples": 4, "k": 5, "temperature": 0.07},
        {"kind": "_ridge"},
        {"kind": None},
        {},
    ],
)
def test_a_damaged_card_is_refused(spec: dict[str, object]) -> None:
    with pytest.raises(ModelError):
        build_head(spec, 3)
