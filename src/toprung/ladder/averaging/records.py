"""Write an average down as a run like any other, with its parents."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from toprung.data.table_csv import write_table_csv
from toprung.evaluation.intervals import wilson
from toprung.evaluation.metrics import score
from toprung.evaluation.predictions import Predictions
from toprung.evaluation.significance import mcnemar
from toprung.ladder.averaging.judging import judgement_of
from toprung.ladder.averaging.pictures import Pictures
from toprung.ladder.averaging.result import Averaged
from toprung.ladder.origin import command_line, data_hash, now
from toprung.ladder.report import write_report
from toprung.models.catalogue import build_shapes, parameter_count
from toprung.runs.environment import describe_environment
from toprung.runs.folder import RunFolder
from toprung.runs.model import ModelCard, write_card
from toprung.storage import write_bytes, write_text
from toprung.training.recipe import Recipe


def write_run(
    folder: Path, opening: dict[str, Any], result: Averaged, pictures: Pictures, card: ModelCard, recipe: Recipe
) -> RunFolder:
    """Write everything of the run but the weights, which stand in ``folder/model`` already.

    Args:
        folder: where the run is made.
        opening: what ``run.json`` said when the work began, and how long it took.
        result: the average.
        pictures: that it was chosen and scored on.
        card: of the model.
        recipe: of the first parent.

    Raises:
        StorageError: full disk, or no permission.
    """
    run, table = RunFolder(folder), pictures.table
    card = dataclasses.replace(card, data_hash=data_hash(table))
    write_card(run.model, card)
    write_text(run.recipe_file, recipe.to_toml())
    run.write_json(run.environment_file, describe_environment())
    write_table_csv(run.table_file, table, pictures.root)
    _copy_health(result, pictures, run)
    run.write_json(run.load_report_file, _load_report(result))
    scores = {}
    for split, predictions in result.predictions.items():
        write_bytes(run.predictions_file(split), predictions.to_bytes())
        scores[split] = score(predictions, seed=recipe.seed)
    run.write_json(run.scores_file, scores)
    run.write_json(run.record_file, opening | _record(result, pictures, card))
    write_report(folder)
    return run


def _record(result: Averaged, pictures: Pictures, card: ModelCard) -> dict[str, Any]:
    used = sum(share > 0 for share in result.choice.shares)
    return {
        "status": "finished",
        "finished": now(),
        "command": command_line(),
        "data": {"path": str(pictures.root), "hash": card.data_hash},
        "model": card.architecture,
        "parameters": parameter_count(build_shapes(card.architecture, len(card.classes), card.arguments)),
        "marks": [f"average of {used}" if used > 1 else "one parent, not averaged"],
        "error": None,
        "method": result.method,
        "parents": [_parent(result, place) for place in range(len(result.parents))],
        "tried": [dataclasses.asdict(step) | {"judgement": step.judgement._asdict()} for step in result.choice.steps],
        "halved": pictures.halved,
        "how_chosen": pictures.how_chosen,
        "notes": list(pictures.notes),
        "statistics_pictures": result.statistics,
    }


def _parent(result: Averaged, place: int) -> dict[str, Any]:
    """Return what is recorded of a parent: its share, its scores on the same pictures, and the paired test."""
    parent, said = result.parents[place], result.of_parents[place]
    return {
        "name": parent.name,
        "path": str(parent.path.resolve()),
        "share": result.choice.shares[place],
        "best": place == result.best,
        "scores": {split: _scores(predictions) for split, predictions in said.items()},
        "paired": {
            split: _paired_names(dataclasses.asdict(mcnemar(result.predictions[split], predictions)))
            for split, predictions in said.items()
        },
    }


def _scores(predictions: Predictions) -> dict[str, Any]:
    """Return accuracy, with its interval, and log-loss in the form of ``scores.json``."""
    found, count = judgement_of(predictions), len(predictions)
    right = round(found.accuracy * count)
    low, high = wilson(right, count)
    accuracy = {"value": found.accuracy, "low": float(low), "high": float(high), "correct": right}
    return {"pictures": count, "accuracy": accuracy, "log_loss": {"value": found.log_loss}}


def _paired_names(outcome: dict[str, Any]) -> dict[str, Any]:
    return {"average_only": outcome.pop("first_only"), "parent_only": outcome.pop("second_only")} | outcome


def _load_report(result: Averaged) -> dict[str, Any]:
    """Return the report of a load in which every tensor came from the parents."""
    account = result.account
    used = [p.name for p, share in zip(result.parents, result.choice.shares, strict=True) if share > 0]
    notes = [f"BatchNorm's statistics were computed anew on {result.statistics} pictures"] if result.statistics else []
    notes += [f"{', '.join(account.kept[:3])}: taken from {used[-1]}, not averaged"] if account.kept else []
    return {
        "source": f"{result.method} average of {', '.join(used)}",
        "dialect": "toprung",
        "loaded": [*account.averaged, *account.kept],
        "dropped": [],
        "missing": [],
        "matched": 1.0,
        "adjusted": notes,
        "assumptions": [],
    }


def _copy_health(result: Averaged, pictures: Pictures, run: RunFolder) -> None:
    """Take over the first run's account of its pictures, where they are the same in the same splits."""
    base = next(parent.run for parent in result.parents if parent.run is not None)
    if pictures.given or pictures.halved or not base.health_file.is_file():
        return
    run.write_json(run.health_file, base.read_json(base.health_file))
    if base.unreadable_file.is_file():
        write_bytes(run.unreadable_file, base.unreadable_file.read_bytes())
