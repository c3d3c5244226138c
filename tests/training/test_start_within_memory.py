"""A run starts with what fits, says so, and is left alone where all fits."""

from __future__ import annotations

import pytest
import timm

from toprung.training import start_within_memory as starting
from toprung.training.hardware import HardwarePlan
from toprung.training.memory_estimate import MARGIN, estimate_memory
from toprung.training.recipe import Recipe
from toprung.training.start_within_memory import start_within_memory
from toprung.training.trial_step import TrialBatch

PLAN = HardwarePlan("cpu", "fp32", False, ())


def _start(monkeypatch: pytest.MonkeyPatch, free: int, **settings: object) -> tuple[Recipe, tuple[str, ...]]:
    monkeypatch.setattr(starting, "free_memory", lambda device: free)
    recipe = Recipe().with_settings({"optimisation.batch_size": 8, "averaging.ema_decay": 0, **settings})
    module = timm.create_model("test_vit", num_classes=3)
    return start_within_memory(recipe, module, PLAN, size=(160, 160), classes=3, processes=1)


def _need(micro_batch: int) -> float:
    batch = TrialBatch(8, micro_batch, (160, 160), 3)
    module = timm.create_model("test_vit", num_classes=3)
    return MARGIN * estimate_memory(module, Recipe(), batch, device="cpu", dtype=PLAN.dtype, channels_last=False).peak


def test_a_batch_too_large_is_halved_until_it_fits_and_the_effective_batch_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe, (note,) = _start(monkeypatch, int(_need(2)) + 1000)
    assert recipe.optimisation.micro_batch == 2
    assert recipe.optimisation.batch_size == 8
    assert "2 per forward pass, 4 passes per step" in note
    assert "may not fit" not in note


def test_what_cannot_fit_starts_with_one_picture_and_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, (note,) = _start(monkeypatch, 10_000)
    assert recipe.optimisation.micro_batch == 1
    assert "even that may not fit" in note


def test_what_fits_and_what_was_given_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, notes = _start(monkeypatch, int(_need(8)) + 1000)
    assert (recipe.optimisation.micro_batch, notes) == (0, ())
    recipe, notes = _start(monkeypatch, 10_000, **{"optimisation.micro_batch": 7})
    assert (recipe.optimisation.micro_batch, notes) == (7, ())


def test_nothing_is_estimated_where_there_is_plenty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "estimate_memory", None)
    assert _start(monkeypatch, 10**12)[1] == ()
