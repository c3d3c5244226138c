"""Plans for real models, with the memory that the notes name."""

from __future__ import annotations

import math

import pytest

from toprung.errors import RecipeError
from toprung.training import plan_training as planning
from toprung.training.plan_training import applied, plan_training
from toprung.training.recipe import Recipe

GIB = 1024**3


def _recipe(name: str, batch: int, **settings: object) -> Recipe:
    return Recipe().with_settings(
        {"model.name": name, "optimisation.batch_size": batch, "averaging.ema_decay": 0.0, **settings}
    )


def test_vit_h_trains_on_a_24_gb_card_with_its_32_blocks_at_batch_256() -> None:
    plan = plan_training(_recipe("vit_huge_patch14_224", 256), classes=1000, memory=24 * 10**9, device="cuda")
    assert plan.blocks == 32
    assert plan.parameters == 632_045_800  # of ViT-H/14 with 1000 classes, as in MAE's fine-tuning
    assert plan.choice.micro_batch * plan.choice.accumulation == 256
    assert plan.choice.means.freeze == "none"
    assert plan.choice.means.precision == "bf16"
    assert plan.choice.needed <= 24 * 10**9
    assert plan.choice.needed >= 16 * plan.parameters  # weights, gradients, and both of Adam's moments, in 32 bits


@pytest.mark.parametrize("memory", ["plenty", "little"])
def test_the_choice_fits_by_its_own_estimate(memory: str) -> None:
    size = 2 * GIB if memory == "plenty" else 860 * 1024**2
    plan = plan_training(_recipe("test_vit", 64), classes=10, memory=size, device="cpu")
    assert plan.estimate.needed == plan.choice.needed <= size
    assert (plan.choice.micro_batch == 64) == (memory == "plenty")


def test_processes_share_the_batch() -> None:
    plan = plan_training(_recipe("test_vit", 64), classes=10, memory=2 * GIB, device="cuda", processes=4)
    assert plan.choice.micro_batch * plan.choice.accumulation == 16
    with pytest.raises(RecipeError, match="a batch of 64 cannot be shared equally by 3 processes"):
        plan_training(_recipe("test_vit", 64), classes=10, memory=GIB, device="cuda", processes=3)


def test_what_fits_nowhere_is_told_with_the_least_that_it_needs() -> None:
    with pytest.raises(RecipeError, match=r"test_vit does not train in 10 MiB on cpu: the least it needs is") as told:
        plan_training(_recipe("test_vit", 1), classes=10, memory=10 * 1024**2, device="cpu")
    assert "one picture at a time" in str(told.value)


def test_freezing_comes_last_and_no_more_than_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(planning.__dict__, "is_installed", lambda: False)
    recipe = _recipe("vit_tiny_patch16_224", 4)
    weights = 4 * 5_717_416
    base = 600 * 1024**2 + math.ceil(1.1 * 40 * 1024**2)
    # room for the weights, a picture, and half of gradients, state and temporaries
    memory = base + math.ceil(1.1 * (weights + 2.6 * weights))
    plan = plan_training(recipe, classes=1000, memory=memory, device="cuda")
    assert plan.choice.means.freeze.startswith("blocks:")
    assert plan.choice.means.grad_checkpointing
    (option,) = plan.options
    assert "bnbadamw8bit" in option


def test_eight_bits_are_offered_only_where_they_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = _recipe("test_vit", 4)
    monkeypatch.setattr(planning, "is_installed", lambda: True)
    from toprung.models.catalogue import build_empty

    names = [means.optimizer for means in planning._ways(recipe, "cuda", build_empty("test_vit", 10, {}))]
    assert names[-1] == "bnbadamw8bit"
    names = [means.optimizer for means in planning._ways(recipe, "cpu", build_empty("test_vit", 10, {}))]
    assert set(names) == {"adamw"}


def test_the_means_become_settings() -> None:
    means = plan_training(_recipe("test_vit", 8), classes=10, memory=GIB, device="cpu").choice.means
    changed = applied(Recipe(), means)
    assert changed.hardware.precision == means.precision
    assert changed.optimisation.optimizer == "adamw"
