"""From a rung to the recipe that it is trained by. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toprung.errors import RecipeError
from toprung.ladder.climb.ladder_file import Rung
from toprung.training.presets import apply_preset, compose, require_kind
from toprung.training.probe.idle import refuse_idle
from toprung.training.recipe import Recipe


def rung_recipe(
    rung: Rung,
    shared: Mapping[str, Any],
    forced: Mapping[str, Any],
    *,
    seed: int,
    weights: str | None = None,
    base: Recipe | None = None,
) -> Recipe:
    """Return the recipe of a trained rung: preset, what all rungs share, the rung's own settings, what is forced.

    What is for all rungs and has no effect on a probe (it has no epochs and no optimiser) is left out of one; what the
    rung itself sets must have an effect.

    Args:
        rung: of kind ``train``.
        shared: dotted names to values, for all rungs: those of the ladder.
        forced: the same, and they win over the rung's own: those of the command line.
        seed: of the run.
        weights: what it starts from, in place of the rung's; ``None`` for the rung's.
        base: recipe of the run that it goes on from.

    Raises:
        RecipeError: an unknown preset or setting, or one without effect; the message names the rung.
    """
    try:
        require_kind(rung.preset, "training")
        start = apply_preset(rung.preset, base or Recipe(), rung.model or None).with_settings(_own(rung, weights))
        common, last = ({n: v for n, v in part.items() if _has_effect(start, n)} for part in (shared, forced))
        settings = common | _own(rung, weights) | last | {"seed": seed}
        return compose(rung.preset, settings, base=base)
    except RecipeError as error:
        raise RecipeError(f"rung {rung.name}: {error}") from error


def with_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """Return the recipe with so many epochs; warm-up and the start of averaging shrink in proportion.

    Raises:
        RecipeError: stages, which have epochs of their own.
    """
    before = recipe.schedule.epochs
    if epochs == before:
        return recipe
    if recipe.stages:
        raise RecipeError(
            "a recipe in stages has epochs of its own, which a budget does not cut; leave out min_epochs."
        )
    part = epochs / before
    changed: dict[str, Any] = {
        "schedule.epochs": epochs,
        "schedule.warmup_epochs": round(recipe.schedule.warmup_epochs * part, 3),
    }
    if recipe.averaging.swa:
        changed["averaging.swa_start_epoch"] = min(epochs - 1, round(recipe.averaging.swa_start_epoch * part))
    return recipe.with_settings(changed)


def epochs_of_recipe(recipe: Recipe) -> int:
    """Return the epochs of all stages; 0 for a probe."""
    if recipe.probe.kinds:
        return 0
    return sum(stage.epochs for stage in recipe.stages) or recipe.schedule.epochs


def _own(rung: Rung, weights: str | None) -> dict[str, Any]:
    given = {"model.name": rung.model, "model.weights": weights or rung.weights}
    return {name: value for name, value in given.items() if value} | dict(rung.settings)


def _has_effect(recipe: Recipe, name: str) -> bool:
    try:
        refuse_idle(recipe, [name])
    except RecipeError:
        return False
    return True
