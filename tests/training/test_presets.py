"""Presets against what their sources publish."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from toprung.errors import RecipeError
from toprung.training.presets import apply_preset, compose, preset
from toprung.training.recipe import Recipe
from toprung.training.stages import epochs_of, stage_recipes
from toprung.training.start import starting_model

# arXiv 2111.06377, table 9, and the fine-tuning commands of the authors' code: blr, layer decay, drop path, epochs
PUBLISHED = {
    "vit_base_patch16_224": (5e-4, 0.65, 0.1, 100),
    "vit_large_patch16_224": (1e-3, 0.75, 0.2, 50),
    "vit_huge_patch14_224.mae": (1e-3, 0.75, 0.3, 50),
}


@pytest.mark.parametrize("model", PUBLISHED)
def test_mae_finetune_has_the_published_values(model: str) -> None:
    blr, decay, drop_path, epochs = PUBLISHED[model]
    recipe = compose("mae-finetune", {"model.name": model})
    assert recipe.model.name == model
    assert recipe.optimisation.batch_size == 1024
    assert recipe.optimisation.peak_lr == pytest.approx(blr * 1024 / 256)
    assert (recipe.optimisation.layer_decay, recipe.model.drop_path) == (decay, drop_path)
    assert (recipe.schedule.epochs, recipe.schedule.warmup_epochs, recipe.schedule.min_lr) == (epochs, 5, 1e-6)
    assert (recipe.augment.mixup, recipe.augment.cutmix, recipe.augment.mix_probability) == (0.8, 1, 1)
    assert (recipe.augment.magnitude, recipe.augment.magnitude_std, recipe.augment.erasing) == (9, 0.5, 0.25)
    assert (recipe.optimisation.weight_decay, recipe.optimisation.label_smoothing) == (0.05, 0.1)
    assert (recipe.model.global_pool, recipe.model.head, recipe.model.head_init_std) == ("avg", "fresh", 2e-5)


def test_the_published_rate_follows_the_effective_batch() -> None:
    recipe = compose("mae-finetune", {"optimisation.batch_size": 64})
    assert recipe.optimisation.peak_lr == pytest.approx(5e-4 / 4)
    asked = compose("mae-finetune", {"optimisation.lr": 1e-3, "optimisation.batch_size": 64})
    assert asked.optimisation.peak_lr == 1e-3


def test_mae_finetune_is_only_for_sizes_that_were_published() -> None:
    with pytest.raises(RecipeError, match="B, L and H, not for vit_small_patch16_224; use --preset mae-finetune-10k"):
        preset("mae-finetune", "vit_small_patch16_224")
    assert preset("mae-finetune-10k", "vit_small_patch16_224").model.name == "vit_small_patch16_224"


def test_a_mae_file_starts_with_average_pooling_a_fresh_norm_and_a_small_head(tmp_path: Path) -> None:
    torch.manual_seed(0)
    encoder = timm.create_model("vit_tiny_patch16_224", num_classes=0)
    save_file(encoder.state_dict(), tmp_path / "encoder.safetensors")
    settings = {"model.name": "vit_tiny_patch16_224", "model.weights": str(tmp_path / "encoder.safetensors")}
    recipe = compose("mae-finetune-10k", settings)
    start = starting_model(recipe.model, ["a", "b", "c"], seed=1, background=(255, 255, 255))
    model = start.module
    assert torch.equal(model.blocks[3].attn.qkv.weight, encoder.blocks[3].attn.qkv.weight)
    assert torch.equal(model.fc_norm.weight, torch.ones(192))
    assert start.report is not None
    assert set(start.report.missing) == {"fc_norm.weight", "fc_norm.bias", "head.weight", "head.bias"}
    assert float(model.head.weight.detach().std()) == pytest.approx(2e-5, rel=0.1)
    assert not model.head.bias.any()
    again = starting_model(recipe.model, ["a", "b", "c"], seed=1, background=(255, 255, 255)).module
    assert torch.equal(model.head.weight, again.head.weight)


def test_a_kept_head_is_not_started_anew(tmp_path: Path) -> None:
    whole = timm.create_model("vit_tiny_patch16_224", num_classes=3)
    save_file(whole.state_dict(), tmp_path / "whole.safetensors")
    settings = {
        "model.name": "vit_tiny_patch16_224",
        "model.weights": str(tmp_path / "whole.safetensors"),
        "model.head_init_std": 2e-5,
    }
    recipe = compose("quick", settings)
    start = starting_model(recipe.model, ["a", "b", "c"], seed=1, background=(255, 255, 255))
    assert torch.equal(start.module.head.weight, whole.head.weight)


@pytest.mark.parametrize("rule", ["none", "sqrt", "linear"])
def test_rules_of_the_rate(rule: str) -> None:
    settings = {"optimisation.base_lr": 1e-3, "optimisation.base_batch": 64, "optimisation.lr_rule": rule}
    rates = [
        Recipe().with_settings(settings | {"optimisation.batch_size": batch}).optimisation.peak_lr
        for batch in (16, 64, 256)
    ]
    step = {"none": 1.0, "sqrt": 2.0, "linear": 4.0}[rule]
    assert rates == pytest.approx([1e-3 / step, 1e-3, 1e-3 * step])


def test_freeze_then_train_is_the_classic_50_and_50() -> None:
    first, second = stage_recipes(preset("freeze-then-train", "resnet50"))
    assert (first.schedule.epochs, first.optimisation.freeze) == (50, "backbone")
    assert (second.schedule.epochs, second.optimisation.freeze) == (50, "none")
    assert first.optimisation.peak_lr > second.optimisation.peak_lr
    assert epochs_of(preset("freeze-then-train")) == 100


def test_epochs_of_a_recipe_in_stages_are_not_silently_ignored() -> None:
    with pytest.raises(RecipeError, match="has no effect on a recipe in stages"):
        compose("freeze-then-train", {"schedule.epochs": 3})


@pytest.mark.parametrize("name", ["swa", "swa-annealed", "swa-cyclic"])
def test_swa_keeps_what_the_run_was_trained_by(name: str) -> None:
    base = compose("finetune", {"model.name": "resnet50", "optimisation.lr": 1e-2, "augment.mixup": 0.3})
    recipe = apply_preset(name, base)
    assert recipe.averaging.swa
    assert recipe.schedule.epochs == 12  # arXiv 2012.12645
    assert (recipe.optimisation, recipe.augment, recipe.model) == (base.optimisation, base.augment, base.model)


def test_going_on_from_a_run_keeps_its_network_and_takes_the_rates_for_it() -> None:
    base = compose("finetune", {"model.name": "resnet50", "model.weights": "runs/x"})
    quick = compose("quick", {}, base=base)
    assert (quick.optimisation.layer_decay, quick.optimisation.base_lr) == (1.0, 5e-4)
    for name in ("quick", "scratch", "swa", "mae-finetune-10k"):
        recipe = compose(name, {}, base=base)
        assert (recipe.model.name, recipe.model.weights) == ("resnet50", "runs/x"), name


def test_short_trains_a_vit_for_fewer_epochs_at_its_own_rates() -> None:
    vit, conv = preset("short", "vit_small_patch14_dinov2"), preset("short", "tf_efficientnet_lite0")
    assert (vit.schedule.epochs, conv.schedule.epochs) == (5, 10)
    assert (vit.optimisation.base_lr, vit.optimisation.layer_decay) == (2e-4, 0.75)
    assert (conv.optimisation.base_lr, conv.optimisation.layer_decay) == (5e-4, 1.0)


def test_swa_short_averages_for_as_many_epochs_as_the_network_affords() -> None:
    for model, epochs in {"vit_small_patch14_dinov2": 2, "tf_efficientnet_lite0": 4}.items():
        base = compose("short", {"model.name": model, "optimisation.lr": 1e-2})
        recipe = compose("swa-short", {}, base=base)
        assert (recipe.schedule.epochs, recipe.schedule.kind, recipe.averaging.swa) == (epochs, "cycles", True)
        assert (recipe.optimisation, recipe.augment, recipe.model) == (base.optimisation, base.augment, base.model)


@pytest.mark.parametrize("model", ["vit_small_patch14_dinov2", "tf_efficientnet_lite0"])
def test_short_robust_differs_from_short_in_the_augmentation_alone(model: str) -> None:
    plain, robust = preset("short", model), preset("short-robust", model)
    assert (plain.optimisation, plain.schedule, plain.model) == (robust.optimisation, robust.schedule, robust.model)
    assert (robust.augment.auto_augment, robust.augment.magnitude, robust.augment.color_jitter) == (
        "randaugment",
        9,
        0.4,
    )
    assert robust.augment.scale_min < plain.augment.scale_min
