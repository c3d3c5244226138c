"""k-fold training: every picture is predicted once, by the model that did not learn it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toprung.errors import RecipeError, RunError
from toprung.evaluation.metrics import score
from toprung.evaluation.predictions import Predictions
from toprung.ladder.climb.folds.splitting import fold_tables
from toprung.ladder.climb.halving_runs import shortened
from toprung.ladder.climb.reuse import train_once
from toprung.ladder.climb.selection import on_given_splits
from toprung.ladder.display import Display
from toprung.runs.folder import RunFolder
from toprung.storage import write_bytes, write_json
from toprung.training.recipe import Recipe
from toprung.version import __version__

NOTE = (
    "The folds share training pictures, so their scores are not independent: the spread tells how much a score moves "
    "with the pictures, but no interval follows from it, and no unbiased estimate of the variance exists (Bengio & "
    "Grandvalet 2004)."
)


@dataclass(frozen=True)
class FoldsResult:
    """What came of training by folds.

    Attributes:
        runs: one for each fold, each on all other folds.
        out_of_fold: every picture that is in a fold, predicted by the run that did not learn it.
        accuracies: of each fold, in [0, 1].
        mean, sd: of those; ``sd`` with k - 1 in the denominator.
        scores: of all out-of-fold predictions, as :func:`toprung.evaluation.metrics.score` gives them.
        table_of_all: pictures to refit on: all but one unit of each class, which is watched.
    """

    runs: tuple[RunFolder, ...]
    out_of_fold: Predictions
    accuracies: tuple[float, ...]
    mean: float
    sd: float
    scores: dict[str, Any]
    table_of_all: Path


def run_folds(table_file: Path, recipe: Recipe, *, folds: int, folder: Path, display: Display) -> FoldsResult:
    """Train a recipe once for each fold, into ``<folder>-fold0`` and so on, and merge what they predict.

    Called again after an interruption, finished folds are used again and the interrupted one goes on. ``folder`` gets
    ``predictions/oof.npz`` and ``folds.json``.

    Args:
        table_file: every picture in a split; those of test are in no fold and are predicted by none.
        recipe: for every fold.
        folds: how many, at least 2.
        folder: of the merged predictions.
        display: where to tell what happens.

    Raises:
        ToprungError: as :func:`toprung.ladder.rung.climb_rung`; a fold that fails ends the work.
    """
    tables, nearly_all = fold_tables(table_file, folds, folder / "data", seed=recipe.seed, display=display)
    wanted, runs = on_given_splits(recipe), list[RunFolder]()
    for number, table in enumerate(tables):
        display.say(f"fold {number + 1} of {folds}")
        runs.append(train_once(table, wanted, folder.with_name(f"{folder.name}-fold{number}"), display=display))
    parts = [Predictions.read(run.predictions_file("val")) for run in runs]
    merged = merge(parts)
    accuracies = tuple(float((part.predicted == part.labels).mean()) for part in parts)
    result = FoldsResult(
        runs=tuple(runs),
        out_of_fold=merged,
        accuracies=accuracies,
        mean=statistics.fmean(accuracies),
        sd=statistics.stdev(accuracies),
        scores=score(merged, seed=recipe.seed),
        table_of_all=nearly_all,
    )
    write_bytes(folder / "predictions" / "oof.npz", merged.to_bytes())
    write_json(folder / "folds.json", _to_json(result))
    return result


def merge(parts: Sequence[Predictions]) -> Predictions:
    """Return the predictions of all folds as one, sorted by path.

    Raises:
        RunError: a picture stands in two folds, or the folds have other classes.
    """
    if any(part.classes != parts[0].classes for part in parts):
        raise RunError("the folds have different classes, so their predictions cannot be put together.")
    paths = [path for part in parts for path in part.paths]
    if len(set(paths)) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise RunError(f"{twice} stands in two folds, so its prediction is not out of fold.")
    hashes = [content for part in parts for content in part.hashes]
    order = sorted(range(len(paths)), key=lambda row: paths[row])
    return Predictions(
        paths=tuple(paths[row] for row in order),
        hashes=tuple(hashes[row] for row in order),
        labels=np.concatenate([part.labels for part in parts])[order],
        logits=np.concatenate([part.logits for part in parts])[order],
        classes=parts[0].classes,
    )


def refit(result: FoldsResult, recipe: Recipe, folder: Path, *, display: Display) -> RunFolder:
    """Train on all pictures of all folds, as long as the folds found best; validation chooses nothing.

    One unit of each class is left out, because the trainer watches a val split. The schedule is a whole one of the
    median of the folds' best epochs, and the last epoch's weights are the run's. No honest score on val exists for such
    a model; ``oof.npz`` tells what a model of one fold fewer reaches.

    Raises:
        RecipeError: a probe, whose head is chosen on val.
        ToprungError: as :func:`toprung.ladder.rung.climb_rung`.
    """
    return train_once(result.table_of_all, refit_recipe(result.runs, recipe), folder, display=display)


def refit_recipe(runs: Sequence[RunFolder], recipe: Recipe) -> Recipe:
    """Return the recipe of :func:`refit`; a mean of epoch ends keeps its epochs, as it chooses none."""
    if recipe.probe.kinds:
        raise RecipeError("a probe cannot be refitted on all pictures: its head is chosen on val.")
    recipe = on_given_splits(recipe)
    if recipe.averaging.swa:
        return recipe
    records = [run.record() for run in runs]
    epochs = round(statistics.median(int(record["best_epoch"]) for record in records))
    averaged = 2 * sum(bool(record["best_is_average"]) for record in records) > len(records)
    settings = {"averaging.keep": "last"} | ({} if averaged else {"averaging.ema_decay": 0.0})
    return shortened(recipe, epochs).with_settings(settings)


def _to_json(result: FoldsResult) -> dict[str, object]:
    return {
        "format": 1,
        "kind": "folds",
        "toprung": __version__,
        "runs": [run.path.name for run in result.runs],
        "pictures": len(result.out_of_fold),
        "accuracies": list(result.accuracies),
        "mean": result.mean,
        "sd": result.sd,
        "note": NOTE,
        "scores": result.scores,
    }
