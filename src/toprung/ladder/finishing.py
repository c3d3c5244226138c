"""End a run: predict with its model and its variants, score the predictions, and write the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from accelerate import Accelerator

from toprung.data.table import Table
from toprung.evaluation.metrics import score
from toprung.evaluation.predictions import Predictions
from toprung.ladder.findings import NOTHING
from toprung.ladder.origin import now
from toprung.ladder.report import write_report
from toprung.ladder.variants import average_epochs, compare, keep_start, variants_of
from toprung.runs.folder import RunFolder
from toprung.runs.model import load_model, read_card
from toprung.storage import write_bytes
from toprung.training.loop import Trainer
from toprung.training.recipe import Recipe
from toprung.training.scoring import predict_table


def finish(run: RunFolder, recipe: Recipe, table: Table, trainer: Trainer) -> None:
    """Settle which weights are the run's, predict every split but train with them in fp32, and close the run."""
    accelerator, progress = trainer.accelerator, trainer.progress
    if accelerator.is_main_process:
        average_epochs(run, trainer, read_card(run.model).preprocessing)
        if trainer.epoch_mean is not None and (Path(recipe.model.weights) / "run.json").is_file():
            keep_start(run, Path(recipe.model.weights), table)
    accelerator.wait_for_everyone()
    ending = {
        "finished": now(),
        "error": None,
        "seconds": round(progress.seconds, 1),
        "epochs": progress.epoch,
        "best_epoch": progress.best_epoch,
        "best_is_average": progress.best_is_average,
        "selection": "val accuracy" if recipe.averaging.keep == "best" else "none: the last epoch",
    }
    averaged = 0 if trainer.epoch_mean is None else trainer.epoch_mean.epochs
    if averaged:
        parent = (Path(recipe.model.weights) / "run.json").is_file()
        ending["weights"] = f"mean of {averaged} epoch ends"
        ending["chosen"] = "the epoch of the run that it started from" if parent else NOTHING
    found = {"": predict_run(run, table, recipe, accelerator)}
    for variant in variants_of(run):
        found[variant.path.name] = predict_run(variant, table, recipe, accelerator)
        if accelerator.is_main_process:
            close(variant, found[variant.path.name], recipe, ending)
    if accelerator.is_main_process:
        controls = [control.to_json() for control in compare(run, found)]
        close(run, found[""], recipe, ending | ({"controls": controls} if controls else {}))
        write_report(run.path)
    accelerator.wait_for_everyone()  # a process that leaves early takes the connection down under the others


def predict_run(run: RunFolder, table: Table, recipe: Recipe, accelerator: Accelerator) -> dict[str, Predictions]:
    """Predict val and test with a run's model and write the predictions; those of a run without a model are read.

    Several processes share the pictures; all of them must call it, and the first alone gets the predictions.

    Raises:
        DataError: a picture that was readable before training no longer is.
        RunError: the model is damaged.
    """
    splits = [split for split in ("val", "test") if len(table.split(split))]
    if not run.best_file.is_file():
        files = {split: run.predictions_file(split) for split in splits}
        return {split: Predictions.read(file) for split, file in files.items() if file.is_file()}
    model, card = load_model(run.model)
    model.to(accelerator.device)
    found = {}
    for split in splits:
        part = table.split(split)
        rows, logits = predict_table(model, part, card.preprocessing, recipe, accelerator)
        if accelerator.is_main_process:
            found[split] = Predictions(
                paths=tuple(str(part.paths[row]) for row in rows),
                hashes=tuple(part.hashes[row] for row in rows),
                labels=part.labels[rows],
                logits=logits,
                classes=card.classes,
            )
            store_predictions(run, split, found[split])
    return found


def store_predictions(run: RunFolder, split: str, predictions: Predictions) -> None:
    """Write the predictions of a split."""
    write_bytes(run.predictions_file(split), predictions.to_bytes())


def close(run: RunFolder, predictions: dict[str, Predictions], recipe: Recipe, ending: dict[str, Any]) -> None:
    """Score the predictions, and write down how the run ended."""
    scores = {split: score(one, seed=recipe.seed) for split, one in predictions.items()}
    run.write_json(run.scores_file, scores)
    run.update(status="finished", **ending)
