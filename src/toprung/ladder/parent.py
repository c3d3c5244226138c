"""Go on from a run that was trained before: with its recipe, its weights and its pictures."""

from __future__ import annotations

from pathlib import Path

from toprung.errors import RunError
from toprung.runs.folder import RunFolder
from toprung.training.recipe import Recipe


def recipe_of(parent: Path) -> Recipe:
    """Return the recipe of a run, starting from the run's best weights instead of those it started from.

    Raises:
        RunError: no run, a damaged one, or one that has no model yet.
        RecipeError: its recipe is of another version and cannot be read.
    """
    run = RunFolder.open(parent)
    if not run.best_file.is_file():
        raise RunError(f"{parent} has no model yet ({run.best_file} is missing); train it first.")
    recipe = Recipe.read(run.recipe_file)
    if run.kind == "pretraining":  # its rates and views are for painting patches; only the network goes on
        own = recipe.model
        network = {"model.name": own.name, "model.img_size": own.img_size, "model.patch_size": own.patch_size}
        recipe = Recipe().with_settings(network)
    if recipe.probe.kinds:  # what was settled for a probe is not what epochs want
        automatic = {"probe.head": "none", "hardware.precision": "auto", "data.cache": "auto"}
        recipe = recipe.with_settings(automatic)
    return recipe.with_settings(
        {
            "model.weights": str(parent),
            "model.head": "auto",
            "model.dialect": None,
            "model.patch_resize": "refuse",
            "model.partial_weights": False,
            "model.accept_proposal": False,
        }
    )


def pictures_of(parent: Path) -> Path:
    """Return the source that gives a run's own pictures in its own splits.

    Raises:
        RunError: no run, or a damaged one.
    """
    run = RunFolder.open(parent)
    if not run.table_file.is_file():
        raise RunError(f"{run.table_file} is missing; name the pictures to train on.")
    return Path(run.table_file)
