"""A trained rung: from weights or from another rung's run, once for each seed."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toprung.ladder.climb.context import HERE, Context, NotNow, Step, weights_mark
from toprung.ladder.climb.identity import digest, recipe_key
from toprung.ladder.climb.jobs import Job
from toprung.ladder.climb.kinds import register
from toprung.ladder.climb.ladder_file import RUNG_WEIGHTS, Rung
from toprung.ladder.climb.recipes import epochs_of_recipe, rung_recipe, with_epochs
from toprung.ladder.climb.run_jobs import FoldsJob, TrainJob
from toprung.ladder.parent import recipe_of
from toprung.training.recipe import Recipe


class TrainStep(Step):
    """Train by a recipe."""

    def __init__(
        self, stem: str, key: str, recipe: Recipe, context: Context, search: Mapping[str, Any] | None = None
    ) -> None:
        table = str(context.table_file)
        command = shlex.join(["toprung", "train", table, "--recipe"])
        super().__init__(stem, key, f"{command} {HERE}/recipe.toml")
        self.recipe, self._context, self._search = recipe, context, dict(search or {})

    def job(self, run: Path, *, resume: bool) -> Job:
        """Return the training, after the search where the rung asks for one."""
        context = self._context
        return TrainJob(run, self.recipe, context.table_file, context.pictures, resume, self._search)


class FoldsStep(Step):
    """Train by folds."""

    def __init__(self, stem: str, key: str, recipe: Recipe, context: Context) -> None:
        words = ["toprung", "folds", str(context.table_file), "--folds", str(context.folds), "--final", context.final]
        super().__init__(stem, key, shlex.join(words))
        self._recipe, self._context = recipe, context

    def job(self, run: Path, *, resume: bool) -> Job:
        """Return the training of all folds, and what becomes of their models."""
        context = self._context
        return FoldsJob(run, self._recipe, context.table_file, context.folds, context.final)


@register("train")
def train_steps(rung: Rung, context: Context) -> list[Step]:
    """Return a training for each seed."""
    if context.folds and (rung.start or rung.weights.startswith(RUNG_WEIGHTS)):
        raise NotNow("goes on from one run, and with folds there are several; leave out --folds to climb it")
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
        key = recipe_key(wanted, context.data_hash, mark)
        if context.folds:
            steps.append(FoldsStep(stem, digest([key, context.folds, context.final]), wanted, context))
            continue
        if rung.search:
            key = digest([key, json.dumps(dict(rung.search), sort_keys=True, default=str)])
        step = TrainStep(stem, key, recipe, context, rung.search)
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
