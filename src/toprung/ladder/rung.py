"""Climb one rung: from pictures and a recipe to a run folder with a model, predictions, scores and a page."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from torch import nn

from toprung.data.health import write_unreadable_csv
from toprung.data.table import SPLITS, Table
from toprung.data.table_csv import read_table_csv, write_table_csv
from toprung.errors import RunError, StorageError, ToprungError
from toprung.evaluation.metrics import score
from toprung.evaluation.predictions import Predictions
from toprung.ladder.display import Display
from toprung.ladder.pictures import Pictures, gather
from toprung.ladder.records import Records
from toprung.ladder.report import write_report
from toprung.models.catalogue import check_name, parameter_count
from toprung.runs.environment import describe_environment
from toprung.runs.folder import RunFolder, free_name
from toprung.runs.model import ModelCard, load_model, read_card, write_card
from toprung.storage import write_bytes, write_text
from toprung.training.events import Audience, Observer
from toprung.training.fitting import fit_model, make_accelerator, predict_table
from toprung.training.hardware import HardwarePlan, resolve
from toprung.training.interrupt import Interrupted
from toprung.training.recipe import Recipe
from toprung.training.start import StartingModel, rebuilt_model, starting_model
from toprung.training.state import Progress


def climb_rung(source: Path, recipe: Recipe, *, out: Path | None, runs: Path, display: Display) -> RunFolder:
    """Train by a recipe on a source of labelled pictures, into a new run folder.

    Args:
        source: folder of class folders, folder of splits, or a CSV or Parquet file.
        recipe: every setting.
        out: the run folder to make, or ``None`` for a free name below ``runs``.
        runs: where runs stand.
        display: where to tell what happens.

    Raises:
        ToprungError: for each thing that can be wrong with the pictures, settings, weights or disk.
    """
    check_name(recipe.model.name)
    folder = out or free_name(runs, f"{recipe.model.name}-{recipe.preset}")
    if folder.exists():
        RunFolder.create(folder, {})  # refuses a folder with something in it before any work is done
    pictures = gather(source, recipe.data, seed=recipe.seed, display=display)
    _say_pictures(pictures, display)
    start = starting_model(
        recipe.model,
        len(pictures.table.classes),
        seed=recipe.seed,
        background=recipe.data.background_rgb,
    )
    if start.report is not None:
        display.say(str(start.report))
    plan = resolve(recipe.hardware, start.module, start.preprocessing.size)
    for note in plan.notes:
        display.say(f"computing  {note}")
    resolved = _resolved(recipe, plan)
    run = _create_run(folder, source, resolved, pictures, start)
    display.say(f"run        {run.path}")
    return _train_and_finish(run, resolved, plan, pictures.table, start.module, display, resume=False)


def resume_rung(path: Path, *, display: Display) -> RunFolder:
    """Continue an interrupted run from its last checkpoint, to the same end as if it had never stopped.

    Raises:
        RunError: no such run, a finished one, or one that is damaged.
        DataError: a picture of the run is gone.
    """
    run = RunFolder.open(path)
    if run.record()["status"] == "finished":
        raise RunError(f"{path} is finished already; `toprung validate {path}` scores it.")
    recipe = Recipe.read(run.recipe_file)
    table = read_table_csv(run.table_file)
    card = read_card(run.model)
    resume = run.last_file.is_file()
    if resume:
        module = rebuilt_model(card.architecture, len(card.classes), card.arguments)
    else:
        display.say("the run stopped before its first checkpoint and starts anew")
        background = recipe.data.background_rgb
        module = starting_model(recipe.model, len(card.classes), seed=recipe.seed, background=background).module
    plan = resolve(recipe.hardware, module, card.preprocessing.size)
    run.update(status="running", error=None)
    return _train_and_finish(run, recipe, plan, table, module, display, resume=resume)


def _train_and_finish(
    run: RunFolder,
    recipe: Recipe,
    plan: HardwarePlan,
    table: Table,
    module: nn.Module,
    display: Display,
    *,
    resume: bool,
) -> RunFolder:
    accelerator = make_accelerator(plan, recipe.hardware.trackers, run.path)
    preprocessing = read_card(run.model).preprocessing
    try:
        progress = fit_model(
            module,
            recipe=recipe,
            plan=plan,
            table=table,
            preprocessing=preprocessing,
            cache=None,
            last_file=run.last_file,
            best_file=run.best_file,
            accelerator=accelerator,
            watch=lambda accelerator, total, position: _watching(run, display, accelerator, total, position),
            resume=resume,
        )
        run.update(
            seconds=round(progress.seconds, 1),
            epochs=progress.epoch,
            best_epoch=progress.best_epoch,
            best_is_average=progress.best_is_average,
            selection="val accuracy",
        )
        _finish(run, recipe, table, accelerator)
    except Interrupted as stop:
        run.update(status="interrupted")
        raise Interrupted(f"{stop}; continue with: toprung train --resume {run.path}") from None
    except StorageError:
        raise  # the record is likely not writable either; the run stays resumable as it is
    except ToprungError as error:
        run.update(status="failed", error=str(error))
        raise
    finally:
        accelerator.end_training()
    return run


@contextlib.contextmanager
def _watching(
    run: RunFolder, display: Display, accelerator: Accelerator, total: int, position: Progress
) -> Iterator[Observer]:
    """Write and show the events of a run, from its position on."""
    if not accelerator.is_main_process:
        yield Audience([])
        return
    records = Records(run, accelerator)
    records.cut_back(step=position.step, epochs=position.epoch)
    accelerator.init_trackers("", init_kwargs={"tensorboard": {"purge_step": position.step + 1}})
    with display.training(total, position.step) as shown:
        yield Audience([records, shown])


def _finish(run: RunFolder, recipe: Recipe, table: Table, accelerator: Accelerator) -> None:
    """Predict every split but train with the best model, in fp32, score the predictions, and write the page."""
    model, card = load_model(run.model)
    model.to(accelerator.device)
    scores = {}
    for split in ("val", "test"):
        part = table.split(split)
        if len(part) == 0:
            continue
        rows, logits = predict_table(model, part, card.preprocessing, recipe, accelerator)
        predictions = Predictions(
            paths=tuple(str(part.paths[row]) for row in rows),
            hashes=tuple(part.hashes[row] for row in rows),
            labels=part.labels[rows],
            logits=logits,
            classes=card.classes,
        )
        scores[split] = score(predictions, seed=recipe.seed)
        if accelerator.is_main_process:
            write_bytes(run.predictions_file(split), predictions.to_bytes())
    if accelerator.is_main_process:
        run.write_json(run.scores_file, scores)
        now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        run.update(status="finished", finished=now, error=None)
        write_report(run.path)


def _create_run(folder: Path, source: Path, recipe: Recipe, pictures: Pictures, start: StartingModel) -> RunFolder:
    """Make the run folder and write all that is known before training."""
    table = pictures.table
    record: dict[str, Any] = {
        "command": shlex.join(["toprung", *sys.argv[1:]]) if Path(sys.argv[0]).name.startswith("toprung") else "",
        "data": {"path": str(Path(source).resolve()), "hash": data_hash(table)},
        "model": recipe.model.name,
        "parameters": parameter_count(start.module),
        "marks": [],
        "error": None,
    }
    run = RunFolder.create(folder, record)
    write_text(run.recipe_file, recipe.to_toml())
    run.write_json(run.environment_file, describe_environment())
    write_table_csv(run.table_file, table, Path(source).resolve())
    run.write_json(run.health_file, pictures.health.to_json())
    write_unreadable_csv(run.unreadable_file, pictures.unreadable)
    if start.report is not None:
        run.write_json(run.load_report_file, start.report.to_json())
    card = ModelCard(
        architecture=recipe.model.name,
        arguments=start.arguments,
        classes=table.classes,
        preprocessing=start.preprocessing,
        recipe=recipe.to_dict(),
        data_hash=data_hash(table),
    )
    write_card(run.model, card)
    return run


def data_hash(table: Table) -> str:
    """Return a hash of which pictures (by content) have which label and stand in which split."""
    rows = sorted(
        f"{content} {table.classes[label]} {split}"
        for content, label, split in zip(table.hashes, table.labels, table.splits, strict=True)
    )
    return hashlib.blake2b("\n".join(rows).encode(), digest_size=16).hexdigest()


def _resolved(recipe: Recipe, plan: HardwarePlan) -> Recipe:
    """Return the recipe with every ``auto`` replaced by what was decided, so that a resumed run decides the same."""
    return recipe.with_settings(
        {
            "hardware.device": plan.device,
            "hardware.precision": plan.precision,
            "hardware.channels_last": "on" if plan.channels_last else "off",
        }
    )


def _say_pictures(pictures: Pictures, display: Display) -> None:
    table, health = pictures.table, pictures.health.to_json()
    counts = ", ".join(f"{table.splits.count(name)} {name}" for name in SPLITS if name in table.splits)
    display.say(f"pictures   {len(table)} in {len(table.classes)} classes: {counts}")
    if pictures.unreadable:
        first = pictures.unreadable[0]
        display.say(f"left out   {len(pictures.unreadable)} unreadable files, first {first.path}: {first.reason}")
    if health["leaks"]:
        display.say(f"[bold red]leaks      {len(health['leaks'])} groups of the same picture stand in two splits")
    if health["conflicts"]:
        display.say(f"doubtful   {len(health['conflicts'])} groups of the same picture have different labels")
