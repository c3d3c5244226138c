"""Climb one rung: from pictures and a recipe to a run folder with a model, predictions, scores and a page."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from toprung.data.sources import read_source
from toprung.data.table_csv import read_table_csv
from toprung.errors import RunError
from toprung.ladder.display import Display, Silent
from toprung.ladder.finishing import finish
from toprung.ladder.pictures import Pictures, gather
from toprung.ladder.pictures_told import say_pictures
from toprung.ladder.probing import check_network, probe, settled
from toprung.ladder.setup import create_run, resolved
from toprung.ladder.sitting import noting_end, require_files, watching
from toprung.models.catalogue import check_name
from toprung.runs.folder import RunFolder, free_name
from toprung.runs.model import read_card
from toprung.training.checkpointing import set_grad_checkpointing
from toprung.training.eight_bit import check_eight_bit
from toprung.training.fitting import check_stages, fit_model
from toprung.training.hardware import HardwarePlan, resolve, resolve_device
from toprung.training.optimizer import check_optimizer
from toprung.training.processes import (
    check_batch_size,
    check_sharding,
    check_trackers,
    is_launched_as_many,
    join_others,
    make_accelerator,
    process_count,
    tell_others,
)
from toprung.training.recipe import Recipe
from toprung.training.stages import stage_recipes
from toprung.training.start import rebuilt_model, starting_model
from toprung.training.start_within_memory import start_within_memory


def climb_rung(
    source: Path,
    recipe: Recipe,
    *,
    out: Path | None,
    runs: Path,
    display: Display,
    pictures: Pictures | None = None,
) -> RunFolder:
    """Train by a recipe on a source of labelled pictures, into a new run folder.

    Started by ``torchrun`` or ``accelerate launch``, the first process prepares the run and the others join it.

    Args:
        source: folder of class folders, folder of splits, or a CSV or Parquet file.
        recipe: every setting.
        out: the run folder to make, or ``None`` for a free name below ``runs``.
        runs: where runs stand.
        display: where to tell what happens.
        pictures: those of ``source``, where they have been looked through already; they are told of no second time.

    Raises:
        ToprungError: for each thing that can be wrong with the pictures, settings, weights or disk.
    """
    recipe = settled(recipe)
    if is_launched_as_many():
        if not join_others(recipe.hardware.device):
            return _train_along(Path(tell_others("")))
        run, module, plan = _prepare(source, recipe, out, runs, display, pictures)
        tell_others(str(run.path))
    else:
        run, module, plan = _prepare(source, recipe, out, runs, display, pictures)
    return _train_and_finish(run, module, plan, display, resume=False)


def resume_rung(path: Path, *, display: Display) -> RunFolder:
    """Continue an interrupted run from its last checkpoint, to the same end as if it had never stopped.

    Raises:
        RunError: no such run, one of another kind, a finished one, or one that is damaged.
        DataError: a picture of the run is gone.
    """
    run = RunFolder.open(path)
    if run.kind == "pretraining":
        raise RunError(f"{path} is a {run.kind}; continue it with `{run.command} --resume {path}`.")
    if run.record()["status"] == "finished" or run.kind != "training":
        raise RunError(f"{path} is finished already; `toprung validate {path}` scores it.")
    recipe = Recipe.read(run.recipe_file)
    if is_launched_as_many() and not join_others(recipe.hardware.device):
        display = Silent()
    card = read_card(run.model)
    resume = run.last_file.is_file()
    if resume:
        module = rebuilt_model(card, recipe.model)
    else:
        display.say("the run stopped before its first checkpoint and starts anew")
        background = recipe.data.background_rgb
        module = starting_model(recipe.model, card.classes, seed=recipe.seed, background=background).module
    plan = resolve(recipe.hardware, module, card.preprocessing.size)
    run.update(status="running", error=None)
    return _train_and_finish(run, module, plan, display, resume=resume)


def _prepare(
    source: Path, recipe: Recipe, out: Path | None, runs: Path, display: Display, known: Pictures | None
) -> tuple[RunFolder, nn.Module, HardwarePlan]:
    """Check everything that can be wrong, from the cheapest to the dearest, and make the run folder."""
    check_name(recipe.model.name)
    check_optimizer(recipe.optimisation.optimizer)
    check_eight_bit(recipe.optimisation.optimizer, resolve_device(recipe.hardware.device))
    check_trackers(recipe.hardware.trackers)
    check_sharding()
    for stage in stage_recipes(recipe):
        check_batch_size(stage.optimisation.batch_size)
    folder = out or free_name(runs, _stem(recipe))
    RunFolder.refuse_existing(folder)
    listed = known.table if known else read_source(source)  # names only: model and weights are tried first
    start = starting_model(recipe.model, listed.classes, seed=recipe.seed, background=recipe.data.background_rgb)
    check_network(recipe, start.module, start.preprocessing)
    check_stages(start.module, recipe)
    if recipe.hardware.grad_checkpointing:
        set_grad_checkpointing(start.module, on=True)
    pictures = known or gather(listed, recipe.data, seed=recipe.seed, display=display)
    if known is None:
        say_pictures(pictures, folder, display)
    display.say(str(start.report or f"weights    none: {recipe.model.name} starts from random values"))
    plan = resolve(recipe.hardware, start.module, start.preprocessing.size)
    fitting, notes = start_within_memory(
        recipe,
        start.module,
        plan,
        size=start.preprocessing.size,
        classes=len(listed.classes),
        processes=process_count(),
    )
    decided = resolved(fitting, plan, pictures, start.preprocessing)
    for note in plan.notes:
        display.say(f"computing  {note}; pictures cached: {decided.data.cache}")
    for note in notes:
        display.say(note)
    run = create_run(folder, source, decided, pictures, start)
    display.say(f"run        {run.path}")
    return run, start.module, plan


def _train_along(path: Path) -> RunFolder:
    """Train as a process that is not the first; its weights come from the first one's."""
    run = RunFolder.open(path)
    recipe, card = Recipe.read(run.recipe_file), read_card(run.model)
    module = rebuilt_model(card, recipe.model)
    plan = resolve(recipe.hardware, module, card.preprocessing.size)
    return _train_and_finish(run, module, plan, Silent(), resume=False)


def _train_and_finish(
    run: RunFolder, module: nn.Module, plan: HardwarePlan, display: Display, *, resume: bool
) -> RunFolder:
    recipe, table = Recipe.read(run.recipe_file), read_table_csv(run.table_file)
    require_files(table)
    accelerator = make_accelerator(plan, recipe.hardware.trackers, run.path)
    with noting_end(run, accelerator, "toprung train"):
        if recipe.probe.kinds:
            probe(run, recipe, table, module, accelerator, display)
            return run
        trainer = fit_model(
            module,
            recipe=recipe,
            plan=plan,
            table=table,
            preprocessing=read_card(run.model).preprocessing,
            last_file=run.last_file,
            best_file=run.best_file,
            accelerator=accelerator,
            watch=lambda accelerator, total, position: watching(run, display, accelerator, total, position),
            resume=resume,
        )
        finish(run, recipe, table, trainer)
    return run


def _stem(recipe: Recipe) -> str:
    """Return a name for the run of a recipe."""
    fold = f"-fold{recipe.data.fold}" if recipe.data.folds else ""
    return f"{recipe.model.name}-{recipe.preset}{fold}"
