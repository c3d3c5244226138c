"""A trained rung: from weights or from another rung's run, once for each seed."""

from __future__ import annotations

import shlex
from pathlib import Path

from toprung.ladder.climb.context import Context, Step, weights_mark
from toprung.ladder.climb.identity import recipe_key
from toprung.ladder.climb.jobs import Job
from toprung.ladder.climb.kinds import register
from toprung.ladder.climb.ladder_file import Rung
from toprung.ladder.climb.recipes import epochs_of_recipe, rung_recipe, with_epochs
from toprung.ladder.climb.run_jobs import TrainJob
from toprung.ladder.parent import recipe_of
from toprung.training.recipe import Recipe


class TrainStep(Step):
    """Train by a recipe."""

    def __init__(self, stem: str, key: str, recipe: Recipe, context: Context) -> None:
        table = str(context.table_file)
        command = shlex.join(["toprung", "train", table, "--recipe"])
        super().__init__(stem, key, f"{command} RUN/recipe.toml")
        self.recipe, self._context = recipe, context

    def job(self, run: Path, *, resume: bool) -> Job:
        """Return the training."""
        return TrainJob(run, self.recipe, self._context.table_file, self._context.pictures, resume)


@register("train")
def train_steps(rung: Rung, context: Context) -> list[Step]:
    """Return a training for each seed."""
    parent = context.parent_of(rung)
    base = None if parent is None else recipe_of(parent.path)
    weights = "" if parent else context.weights_of(rung)
    mark = context.key_of(parent) if parent else weights_mark(weights)
    steps: list[Step] = []
    for number in range(rung.seeds):
        seed = context.seed + number
        wanted = rung_recipe(rung, context.shared, context.forced, seed=seed, weights=weights or None, base=base)
        recipe = settled(wanted, rung, context)
        stem = rung.name if rung.seeds == 1 else f"{rung.name}-seed{seed}"
        step = TrainStep(stem, recipe_key(wanted, context.data_hash, mark), recipe, context)
        step.is_cut = recipe.schedule.epochs < wanted.schedule.epochs
        steps.append(step)
    return steps


def settled(recipe: Recipe, rung: Rung, context: Context) -> Recipe:
    """Return the recipe with the epochs that the budget allows, and the precision that was found to be the fastest."""
    allowed = context.epochs.get(rung.name)
    if allowed and not recipe.probe.kinds and allowed < epochs_of_recipe(recipe):
        recipe = with_epochs(recipe, allowed)
    precision = context.precisions.get(rung.name)
    if precision and recipe.hardware.precision == "auto" and not recipe.probe.kinds:
        recipe = recipe.with_settings({"hardware.precision": precision})
    return recipe
