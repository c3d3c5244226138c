"""Masks by position: the same for any number of processes and any way a step was reached."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from toprung.data.preprocessing import Preprocessing
from toprung.training.masked import make_mask_preparer, picture_noise, step_noise
from toprung.training.presets import preset, preset_names
from toprung.training.recipe import Recipe


def _prepared(rank: int, world: int, images: torch.Tensor, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    accelerator: Any = SimpleNamespace(process_index=rank, num_processes=world, device=torch.device("cpu"))
    prepare = make_mask_preparer(Recipe(seed=5), Preprocessing((8, 8)), 16, accelerator)
    batch: Any = SimpleNamespace(images=images)
    return prepare(batch, step)


def test_processes_hide_what_one_would() -> None:
    images = torch.randint(256, (6, 3, 8, 8), dtype=torch.uint8)
    whole_inputs, whole_noise = _prepared(0, 1, images, 7)
    parts = [_prepared(rank, 3, images[2 * rank : 2 * rank + 2], 7) for rank in range(3)]
    assert torch.equal(torch.cat([noise for _, noise in parts]), whole_noise)
    assert torch.allclose(torch.cat([inputs for inputs, _ in parts]), whole_inputs)


def test_noise_is_another_in_every_step_and_seed_and_uniform() -> None:
    assert torch.equal(step_noise(0, 3, 4, 9), step_noise(0, 3, 4, 9))
    assert not torch.equal(step_noise(0, 3, 4, 9), step_noise(0, 4, 4, 9))
    assert not torch.equal(step_noise(0, 3, 4, 9), step_noise(1, 3, 4, 9))
    many = step_noise(0, 0, 1000, 196)
    assert abs(float(many.mean()) - 0.5) < 0.005
    assert many.min() >= 0
    assert many.max() < 1


def test_a_held_out_picture_has_its_own_mask_whatever_the_batch() -> None:
    together = picture_noise(0, [4, 9, 2], 16)
    assert torch.equal(together[1:2], picture_noise(0, [9], 16))
    assert not torch.equal(together[0], together[1])
    assert picture_noise(0, [], 16).shape == (0, 16)


def test_the_papers_preset_is_the_papers() -> None:
    """arXiv 2111.06377, table 8."""
    recipe = preset("mae-pretrain")
    optimisation, schedule = recipe.optimisation, recipe.schedule
    assert optimisation.optimizer == "adamw"
    assert (optimisation.beta1, optimisation.beta2, optimisation.weight_decay) == (0.9, 0.95, 0.05)
    assert optimisation.peak_lr == 1.5e-4 * 4096 / 256
    assert (schedule.epochs, schedule.warmup_epochs, schedule.min_lr) == (800, 40, 0)
    assert (recipe.augment.scale_min, recipe.augment.flip, recipe.augment.auto_augment) == (0.2, 0.5, "none")
    assert (recipe.augment.mixup, recipe.augment.cutmix, recipe.augment.erasing) == (0, 0, 0)
    assert (recipe.pretraining.mask_ratio, recipe.pretraining.normalise) == (0.75, True)
    shape = recipe.pretraining
    assert (shape.decoder_width, shape.decoder_depth, shape.decoder_heads) == (512, 8, 16)


def test_presets_of_pretraining_are_not_offered_for_training() -> None:
    assert set(preset_names("training")) | set(preset_names("pretraining")) == set(preset_names())
    assert not set(preset_names("training")) & set(preset_names("pretraining"))
    assert "mae-pretrain" in preset_names("pretraining")
