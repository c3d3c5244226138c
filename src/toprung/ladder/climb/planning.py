"""What each rung will take here: recipes of all rungs, a few timed steps of each, and the share of the budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from toprung.errors import ToprungError, WeightsError
from toprung.ladder.climb.budget import Cost
from toprung.ladder.climb.context import Context
from toprung.ladder.climb.identity import recipe_key
from toprung.ladder.climb.jobs import Child
from toprung.ladder.climb.ladder_file import BEST, RUNG_WEIGHTS, Rung
from toprung.ladder.climb.measuring import MeasureJob, Speed
from toprung.ladder.climb.recipes import epochs_of_recipe, rung_recipe
from toprung.ladder.climb.run_jobs import search_size
from toprung.training.recipe import Recipe

_HEADS = 5.0  # seconds to fit the heads of a probe
_PAGE = 4.0  # seconds to score and to write a page
_STEP_OF_ITS_OWN = 15.0  # seconds of a soup or fusion, beside reading pictures


@dataclass(frozen=True)
class Planned:
    """What is known of a trained rung before it starts.

    Attributes:
        recipe: ``None`` where it cannot be told yet.
        speed: ``None`` where it was not measured.
        error: why it cannot be climbed, "" where it can.
        kind: name of the error's class.
    """

    recipe: Recipe | None
    speed: Speed | None = None
    error: str = ""
    kind: str = ""

    def exception(self) -> ToprungError:
        """Return the error anew: weights that cannot be had, or anything else."""
        return WeightsError(self.error) if self.kind == WeightsError.__name__ else ToprungError(self.error)


def planned_recipes(context: Context) -> dict[str, Planned]:
    """Return what each trained rung would be trained by; one from ``best`` as if from the dearest before it."""
    found: dict[str, Planned] = {}
    for rung in context.ladder.rungs:
        for one in (rung, *rung.candidates):
            if one.kind != "train":
                continue
            try:
                found[one.name] = Planned(_recipe(one, context, found))
            except ToprungError as error:
                found[one.name] = Planned(None, error=str(error), kind=type(error).__name__)
    return found


def measure_speeds(planned: Mapping[str, Planned], context: Context, again: Sequence[str] = ()) -> dict[str, Planned]:
    """Time all rungs that start by themselves, in one process; those that go on from one are as fast as that one.

    Speeds stand in the record, so that a climb that goes on need not measure again.

    Args:
        planned: recipes of the rungs.
        context: of the climb.
        again: rungs to time once more: other work on the machine may have slowed the steps that were timed.
    """
    kept: dict[str, Any] = context.record.content.setdefault("speeds", {})
    recipes = {name: one.recipe for name, one in planned.items() if one.recipe is not None}
    keys = {name: recipe_key(recipe, context.data_hash, "") for name, recipe in recipes.items()}
    lacking = {
        name: recipe
        for name, recipe in recipes.items()
        if (keys[name] not in kept or name in again) and _starts_alone(name, context)
    }
    if lacking:
        outcome = Child(MeasureJob(lacking, context.pictures)).wait()
        if outcome.interrupted:
            raise KeyboardInterrupt
        for name in lacking:
            kept[keys[name]] = outcome.values.get(name) or {"error": outcome.error, "kind": outcome.kind}
    speeds: dict[str, Planned] = {}
    for name, one in planned.items():
        values = kept.get(keys.get(name, ""), {})
        if "error" in values:
            speeds[name] = Planned(one.recipe, error=str(values["error"]), kind=str(values["kind"]))
        else:
            speeds[name] = replace(one, speed=Speed(**values) if values else None)
    return {name: _inherited(name, one, speeds, context) for name, one in speeds.items()}


def cost_of(rung: Rung, planned: Mapping[str, Planned], context: Context, *, factor: float = 1.0) -> Cost | None:
    """Return what a rung takes, ``None`` where nothing is known of it.

    Args:
        rung: to climb.
        planned: with speeds.
        context: of the climb.
        factor: how much slower than measured rungs have been so far.
    """
    splits = {split: len(context.pictures.table.split(split)) for split in ("train", "val", "test")}
    if rung.kind in ("soup", "fusion"):
        slowest = max((one.speed.scored for one in planned.values() if one.speed), default=0.02)
        reading = slowest * (splits["val"] + splits["test"]) if rung.kind == "soup" else 0.0
        return Cost(rung.name, factor * (_STEP_OF_ITS_OWN + 4 * reading))
    if rung.candidates:
        parts = [cost_of(one, planned, context, factor=factor) for one in rung.candidates]
        known = [part for part in parts if part is not None]
        if not known:
            return None
        # every candidate for a quarter of its epochs, and the kept ones in full: about what halving spends
        dearest = max(known, key=lambda part: part.seconds(part.epochs))
        brief = sum(part.seconds(max(1, part.epochs // 4)) for part in known)
        return Cost(
            rung.name, brief + dearest.fixed * rung.keep, dearest.per_epoch * rung.keep, dearest.epochs, dearest.least
        )
    one = planned[rung.name]
    if one.recipe is None or one.speed is None:
        return None
    searching = 0.0
    epochs = epochs_of_recipe(one.recipe)
    per_epoch = one.speed.epoch(splits["val"], int(one.recipe.averaging.ema_decay > 0))
    if rung.search:
        trials, seconds = search_size(rung.search)
        # with ASHA about half of a trial is trained, by and large
        searching = seconds if seconds is not None else 0.5 * trials * epochs * per_epoch
    ending = searching + one.speed.start + one.speed.scored * (splits["val"] + splits["test"]) + _PAGE
    if one.recipe.probe.kinds:
        features = one.speed.scored * sum(splits.values())
        views = 1.3 * one.speed.scored * splits["train"] * (one.recipe.probe.views - 1)
        return Cost(rung.name, factor * (one.speed.start + features + views + _HEADS + _PAGE), runs=rung.seeds)
    averaging = one.recipe.averaging
    if averaging.swa:  # the variants are scored too, and statistics are computed anew
        ending += 3 * one.speed.scored * (splits["val"] + splits["test"])
    least = min(rung.min_epochs or epochs, epochs)
    return Cost(rung.name, factor * ending, factor * per_epoch, epochs, least, rung.seeds * max(1, context.folds))


def _recipe(rung: Rung, context: Context, before: Mapping[str, Planned]) -> Recipe:
    base = None
    if rung.start == BEST:
        trained = [one.recipe for one in before.values() if one.recipe is not None and not one.recipe.probe.kinds]
        base = trained[-1] if trained else None
    elif rung.start:
        parent = context.ladder.rung(rung.start)
        base = before[(parent.candidates or (parent,))[-1].name].recipe
    weights = context.weights.get(rung.name, rung.weights)
    named = None if weights.startswith(RUNG_WEIGHTS) or not weights else weights
    return rung_recipe(rung, context.shared, context.forced, seed=context.seed, weights=named, base=base)


def _starts_alone(name: str, context: Context) -> bool:
    rung = _find(name, context)
    return not rung.start and not rung.weights.startswith(RUNG_WEIGHTS)


def _find(name: str, context: Context) -> Rung:
    rungs = [one for rung in context.ladder.rungs for one in (rung, *rung.candidates)]
    return next(one for one in rungs if one.name == name)


def _inherited(name: str, one: Planned, speeds: Mapping[str, Planned], context: Context) -> Planned:
    if one.speed is not None or one.error or _starts_alone(name, context):
        return one
    rung = _find(name, context)
    parent = rung.start if rung.start != BEST else rung.weights.removeprefix(RUNG_WEIGHTS)
    if parent in speeds and (found := speeds[parent].speed):
        return Planned(one.recipe, found)
    networks = [
        other.speed for other in speeds.values() if other.speed and other.recipe and not other.recipe.probe.kinds
    ]
    dearest = max(networks, key=lambda speed: speed.steps * speed.step, default=None)
    return Planned(one.recipe, dearest)
