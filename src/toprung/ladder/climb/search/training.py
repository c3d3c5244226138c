"""Trials of a search as real runs, on a table that has no report split."""

from __future__ import annotations

from pathlib import Path

from toprung.evaluation.predictions import Predictions
from toprung.evaluation.significance import mcnemar
from toprung.ladder.climb.reuse import run_of, train_once
from toprung.ladder.climb.search.records import DATA
from toprung.ladder.climb.search.trials import SearchResult, TrainTrial, Trial, TrialScore
from toprung.ladder.climb.selection import on_given_splits, write_selection
from toprung.ladder.display import Display, Silent
from toprung.ladder.listening import Listener, Listening
from toprung.runs.folder import RunFolder
from toprung.runs.scores import stored_scores
from toprung.training.interrupt import Pruned
from toprung.training.recipe import Recipe

ALPHA = 0.05


def trial_trainer(table_file: Path, folder: Path, *, display: Display | None = None) -> TrainTrial:
    """Return what trains the trials of a search on a table's train and val pictures.

    Args:
        table_file: every picture in a split; those of test are left out, so that no trial can see them.
        folder: of the search; the table without test is kept in ``data`` there.
        display: where to show the runs; nowhere for ``None``.

    Raises:
        DataError: there is no val split.
    """
    selection = write_selection(table_file, folder / DATA / "table.csv")
    shown = display or Silent()

    def train(recipe: Recipe, place: Path, listen: Listener) -> TrialScore:
        recipe = on_given_splits(recipe)
        before = run_of(selection, recipe, place)
        if before is not None and before.record()["status"] == "pruned":
            raise Pruned(str(before.record().get("error")))
        run = train_once(selection, recipe, place, display=Listening(shown, listen))
        return score_of(run)

    return train


def score_of(run: RunFolder) -> TrialScore:
    """Return how a finished run did on val."""
    scores = stored_scores(run, "val")
    epochs = run.record().get("epochs", 0)
    return TrialScore(float(scores["accuracy"]["value"]), float(scores["log_loss"]["value"]), int(epochs))


def not_told_apart(result: SearchResult) -> list[Trial]:
    """Return the finished trials that the val pictures cannot tell from the best one (McNemar's exact test, 5 %).

    The test takes the best trial as if it had been named before; since it was chosen, the true number is rather higher.
    """
    best = Predictions.read(RunFolder(result.best.folder).predictions_file("val"))
    alike = []
    for trial in result.finished:
        own = Predictions.read(RunFolder(trial.folder).predictions_file("val"))
        if trial.number != result.best.number and mcnemar(best, own).p_value > ALPHA:
            alike.append(trial)
    return alike
