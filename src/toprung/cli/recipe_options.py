"""From the options of a command line to a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from toprung.errors import RecipeError
from toprung.training.presets import preset, preset_names
from toprung.training.recipe import Recipe, parse_assignment

SHORTCUTS = {
    "model": "model.name",
    "weights": "model.weights",
    "epochs": "schedule.epochs",
    "batch_size": "optimisation.batch_size",
    "img_size": "model.img_size",
    "lr": "optimisation.lr",
    "seed": "seed",
    "val_fraction": "data.val_fraction",
    "test_fraction": "data.test_fraction",
    "folds": "data.folds",
    "fold": "data.fold",
    "on_unreadable": "data.on_unreadable",
    "refuse_leaks": "data.refuse_leaks",
    "device": "hardware.device",
}


def recipe_of(
    kind: Literal["training", "pretraining"],
    preset_name: str,
    recipe_file: Path | None,
    options: Mapping[str, object],
    assignments: tuple[str, ...],
) -> Recipe:
    """Return preset, then file, then options, then --set: the later wins.

    Args:
        kind: what the command does.
        preset_name: the starting point.
        recipe_file: TOML on top of it.
        options: by the names of :data:`SHORTCUTS`; ``None`` where not given.
        assignments: of --set.

    Raises:
        RecipeError: an unknown name, a preset of the other kind, or a value that is not allowed.
    """
    recipe = preset(preset_name)
    if preset_name not in preset_names(kind):
        listed = ", ".join(preset_names(kind))
        raise RecipeError(f"the preset {preset_name!r} is not for {kind}, which has {listed}.")
    if recipe_file is not None:
        recipe = Recipe.read(recipe_file, recipe)
    settings = {SHORTCUTS[name]: value for name, value in options.items() if value is not None}
    settings |= dict(parse_assignment(text) for text in assignments)
    if "preset" in settings:
        raise RecipeError("a preset is chosen with --preset, not with --set.")
    return recipe.with_settings(settings)
