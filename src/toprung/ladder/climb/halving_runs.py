"""Successive halving over real runs: ``<round>-<candidate>`` below one folder, each a whole short training."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from toprung.evaluation.predictions import Predictions
from toprung.ladder.climb.attempts import Failure, attempt
from toprung.ladder.climb.halving import Candidate, CostOf, Outcome, Ranking, TrainFor, halve
from toprung.ladder.climb.reuse import run_of, train_once
from toprung.ladder.climb.selection import on_given_splits, write_selection
from toprung.ladder.display import Display
from toprung.runs.folder import RunFolder
from toprung.runs.scores import stored_scores
from toprung.storage import write_json
from toprung.training.recipe import Recipe
from toprung.version import __version__

RECORD = "halving.json"


def halve_runs(
    candidates: Sequence[Candidate],
    table_file: Path,
    *,
    folder: Path,
    display: Display,
    eta: int = 3,
    start_epochs: int = 1,
    full_epochs: int,
    survivors: int = 1,
    budget: float | None = None,
    cost_of: CostOf | None = None,
) -> Ranking:
    """Halve candidates by training them on a table's train and val pictures.

    Called again after an interruption, finished runs are used again. The ranking is kept in ``halving.json``.

    Args:
        candidates: names must do as names of folders.
        table_file: every picture in a split; those of test are left out.
        folder: of the halving's runs.
        display: where to tell what happens.
        eta, start_epochs, full_epochs, survivors, budget, cost_of: as of :func:`toprung.ladder.climb.halving.halve`.

    Raises:
        ToprungError: what would meet every candidate: pictures that are gone, a full disk, Ctrl-C.
    """
    selection = write_selection(table_file, folder / "data" / "table.csv")
    ranking = halve(
        candidates,
        round_trainer(selection, folder, display),
        eta=eta,
        start_epochs=start_epochs,
        full_epochs=full_epochs,
        survivors=survivors,
        budget=budget,
        cost_of=cost_of,
    )
    write_json(folder / RECORD, {"format": 1, "kind": "halving", "toprung": __version__} | to_json(ranking))
    return ranking


def round_trainer(selection: Path, folder: Path, display: Display) -> TrainFor:
    """Return what trains a candidate for a round; a candidate that failed is not tried again.

    A probe has no epochs: it is trained once, and its outcome holds for every round.
    """

    def train(candidate: Candidate, epochs: int, round_: int) -> Outcome | Failure:
        is_probe = bool(candidate.recipe.probe.kinds)
        recipe = on_given_splits(candidate.recipe if is_probe else shortened(candidate.recipe, epochs))
        place = folder / f"{0 if is_probe else round_}-{candidate.name}"
        before = run_of(selection, recipe, place)
        if before is not None and before.record()["status"] == "failed":
            return Failure(str(before.record().get("error")))
        display.say(f"round {round_ + 1}    {candidate.name}, {'a probe' if is_probe else f'{epochs} epochs'}")
        return attempt(lambda: outcome_of(train_once(selection, recipe, place, display=display)))

    return train


def outcome_of(run: RunFolder) -> Outcome:
    """Return how a finished run did on val, pictures sorted by content."""
    predictions = Predictions.read(run.predictions_file("val"))
    order = sorted(range(len(predictions)), key=lambda row: (predictions.hashes[row], predictions.paths[row]))
    right = (predictions.predicted == predictions.labels)[np.asarray(order, dtype=np.int64)]
    return Outcome(right, float(stored_scores(run, "val")["log_loss"]["value"]))


def shortened(recipe: Recipe, epochs: int) -> Recipe:
    """Return a recipe whose whole schedule takes so many epochs; what is counted in epochs shrinks alike.

    A recipe in stages keeps them all, each at least one epoch long.
    """
    total = sum(stage.epochs for stage in recipe.stages) or recipe.schedule.epochs
    share = epochs / total
    if share >= 1:
        return recipe
    stages = [_short_stage(dataclasses.asdict(stage), share) for stage in recipe.stages]
    short = recipe.with_settings(
        {
            "schedule.epochs": max(1, epochs),
            "schedule.warmup_epochs": recipe.schedule.warmup_epochs * share,
            "schedule.anneal_epochs": round(recipe.schedule.anneal_epochs * share),
            "averaging.swa_start_epoch": min(round(recipe.averaging.swa_start_epoch * share), epochs - 1),
        }
    )
    return short.with_settings({"stages": stages}) if stages else short


def _short_stage(stage: dict[str, object], share: float) -> dict[str, object]:
    stage = {name: value for name, value in stage.items() if value is not None}
    stage["epochs"] = max(1, round(float(str(stage["epochs"])) * share))
    if "warmup_epochs" in stage:
        stage["warmup_epochs"] = float(str(stage["warmup_epochs"])) * share
    return stage


def to_json(ranking: Ranking) -> dict[str, object]:
    """Return a ranking as plain values."""
    standings = [
        {
            "name": one.candidate.name,
            "kept": one.is_kept,
            "rounds": one.rounds,
            "val_accuracy": one.accuracy,
            "reason": one.reason,
        }
        for one in ranking.standings
    ]
    return {"spent": ranking.spent, "standings": json.loads(json.dumps(standings))}
