"""Pretrain on pictures without labels: from a folder to a run with an encoder that `toprung train` starts from."""

from __future__ import annotations

import os
from pathlib import Path

from accelerate import Accelerator

from toprung.data.preprocessing import Preprocessing
from toprung.data.table import Table
from toprung.data.table_csv import read_table_csv
from toprung.data.unlabelled import Unlabelled, read_unlabelled
from toprung.errors import RecipeError, RunError
from toprung.ladder.display import Display, Silent
from toprung.ladder.origin import now
from toprung.ladder.pictures import Pictures, gather
from toprung.ladder.reconstructions import write_reconstructions
from toprung.ladder.report import write_report
from toprung.ladder.setup import create_run, resolved
from toprung.ladder.sitting import noting_end, require_files, watching
from toprung.models.catalogue import check_name
from toprung.models.mae import MaskedAutoencoder
from toprung.runs.folder import RunFolder, free_name
from toprung.runs.model import read_card
from toprung.training.autoencoder import read_autoencoder, rebuilt_autoencoder, starting_autoencoder
from toprung.training.hardware import HardwarePlan, resolve
from toprung.training.optimizer import check_optimizer
from toprung.training.pretraining import pretrain_model
from toprung.training.processes import (
    check_batch_size,
    check_sharding,
    check_trackers,
    is_launched_as_many,
    join_others,
    make_accelerator,
    tell_others,
)
from toprung.training.recipe import Recipe
from toprung.training.state import Progress


def pretrain(source: Path, recipe: Recipe, *, out: Path | None, runs: Path, display: Display) -> RunFolder:
    """Pretrain a masked autoencoder on the pictures of a source, into a new run folder.

    Started by ``torchrun`` or ``accelerate launch``, the first process prepares the run and the others join it.

    Args:
        source: a folder of pictures, whatever folders are in it; or a CSV or Parquet file.
        recipe: every setting.
        out: the run folder to make, or ``None`` for a free name below ``runs``.
        runs: where runs stand.
        display: where to tell what happens.

    Raises:
        ToprungError: for each thing that can be wrong with the pictures, settings, weights or disk.
    """
    if is_launched_as_many():
        if not join_others(recipe.hardware.device):
            return _pretrain_along(Path(tell_others("")))
        run, module, plan = _prepare(source, recipe, out, runs, display)
        tell_others(str(run.path))
    else:
        run, module, plan = _prepare(source, recipe, out, runs, display)
    return _pretrain_and_finish(run, module, plan, display, resume=False)


def resume_pretraining(path: Path, *, display: Display) -> RunFolder:
    """Continue an interrupted pretraining from its last checkpoint, to the same end as if it had never stopped.

    Raises:
        RunError: no such run, one of another kind, a finished one, or one that is damaged.
        DataError: a picture of the run is gone.
    """
    run = RunFolder.open(path)
    if run.kind != "pretraining":
        raise RunError(f"{path} is no pretraining; continue it with `{run.command} --resume {path}`.")
    if run.record()["status"] == "finished":
        raise RunError(f"{path} is finished already; use it with `toprung train PICTURES --weights {path}`.")
    recipe = Recipe.read(run.recipe_file)
    if is_launched_as_many() and not join_others(recipe.hardware.device):
        display = Silent()
    resume = run.last_file.is_file()
    if resume:
        module = _rebuilt(run, recipe)
    else:
        display.say("the run stopped before its first checkpoint and starts anew")
        module = starting_autoencoder(recipe).module
    plan = resolve(recipe.hardware, module.encoder, read_card(run.model).preprocessing.size)
    run.update(status="running", error=None)
    return _pretrain_and_finish(run, module, plan, display, resume=resume)


def _prepare(
    source: Path, recipe: Recipe, out: Path | None, runs: Path, display: Display
) -> tuple[RunFolder, MaskedAutoencoder, HardwarePlan]:
    """Check everything that can be wrong, from the cheapest to the dearest, and make the run folder."""
    check_name(recipe.model.name)
    check_optimizer(recipe.optimisation.optimizer)
    check_trackers(recipe.hardware.trackers)
    check_sharding()
    check_batch_size(recipe.optimisation.batch_size)
    _refuse_meaningless(recipe)
    folder = out or free_name(runs, f"{recipe.model.name}-{recipe.preset}")
    RunFolder.refuse_existing(folder)
    found = read_unlabelled(source)
    begun = starting_autoencoder(recipe)
    pictures = gather(found.table, recipe.data, seed=recipe.seed, display=display)
    _say_pictures(pictures, found, folder, display)
    display.say(str(begun.start.report or f"weights    none: {recipe.model.name} starts from random values"))
    display.say(f"decoder    {begun.decoder}")
    plan = resolve(recipe.hardware, begun.module.encoder, begun.start.preprocessing.size)
    decided = resolved(_with_whole_batches(recipe, pictures.table, display), plan, pictures, begun.start.preprocessing)
    for note in plan.notes:
        display.say(f"computing  {note}; pictures cached: {decided.data.cache}")
    run = create_run(folder, source, decided, pictures, begun.start, kind="pretraining", classes=())
    display.say(f"run        {run.path}")
    return run, begun.module, plan


def _pretrain_along(path: Path) -> RunFolder:
    """Pretrain as a process that is not the first; its weights come from the first one's."""
    run = RunFolder.open(path)
    recipe = Recipe.read(run.recipe_file)
    module = _rebuilt(run, recipe)
    plan = resolve(recipe.hardware, module.encoder, read_card(run.model).preprocessing.size)
    return _pretrain_and_finish(run, module, plan, Silent(), resume=False)


def _pretrain_and_finish(
    run: RunFolder, module: MaskedAutoencoder, plan: HardwarePlan, display: Display, *, resume: bool
) -> RunFolder:
    recipe, table = Recipe.read(run.recipe_file), read_table_csv(run.table_file)
    require_files(table)
    preprocessing = read_card(run.model).preprocessing
    accelerator = make_accelerator(plan, recipe.hardware.trackers, run.path)
    with noting_end(run, accelerator, "toprung pretrain"):
        trainer = pretrain_model(
            module,
            recipe=recipe,
            plan=plan,
            table=table,
            preprocessing=preprocessing,
            last_file=run.last_file,
            best_file=run.best_file,
            accelerator=accelerator,
            watch=lambda accelerator, total, position: watching(run, display, accelerator, total, position),
            resume=resume,
        )
        _finish(run, recipe, table.split("val"), preprocessing, accelerator, trainer.progress)
    return run


def _finish(
    run: RunFolder,
    recipe: Recipe,
    held_out: Table,
    preprocessing: Preprocessing,
    accelerator: Accelerator,
    progress: Progress,
) -> None:
    """Reconstruct some held-out pictures with the best autoencoder, and write the page."""
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        module = _rebuilt(run, recipe)
        read_autoencoder(run.best_file, module)
        write_reconstructions(
            run,
            module.to(accelerator.device).eval(),
            held_out,
            preprocessing,
            seed=recipe.seed,
            count=recipe.pretraining.pictured,
        )
        run.update(
            status="finished",
            finished=now(),
            error=None,
            seconds=round(progress.seconds, 1),
            epochs=progress.epoch,
            best_epoch=progress.best_epoch,
            best_is_average=progress.best_is_average,
            best_loss=progress.best_loss,
            selection="loss on held-out pictures",
        )
        write_report(run.path)
    accelerator.wait_for_everyone()  # a process that leaves early takes the connection down under the others


def _rebuilt(run: RunFolder, recipe: Recipe) -> MaskedAutoencoder:
    card = read_card(run.model)
    return rebuilt_autoencoder(card.architecture, card.arguments, recipe)


def _refuse_meaningless(recipe: Recipe) -> None:
    """Refuse settings that only training a classifier has, rather than ignore them."""
    asked = {
        "augment.mixup": recipe.augment.mixup > 0,
        "augment.cutmix": recipe.augment.cutmix > 0,
        "data.balanced": recipe.data.balanced,
        "data.folds": recipe.data.folds > 0,
        "data.test_fraction": recipe.data.test_fraction > 0,
        "averaging.swa": recipe.averaging.swa,
        "model.dropout_samples": recipe.model.dropout_samples > 0,
        "model.resizer_size": recipe.model.resizer_size is not None,
        "model.lora_rank": recipe.model.lora_rank > 0,
    }
    for name, is_set in asked.items():
        if is_set:
            raise RecipeError(f"{name} is for training a classifier, and pretraining has none; leave it out.")


def _with_whole_batches(recipe: Recipe, table: Table, display: Display) -> Recipe:
    """Return the recipe with a batch that the training pictures fill, so that its rate is worked out for that batch."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    pictures, asked = table.splits.count("train") // processes * processes, recipe.optimisation.batch_size
    if asked <= pictures or not pictures:
        return recipe
    fitting = recipe.with_settings({"optimisation.batch_size": pictures})
    rate = fitting.optimisation.peak_lr
    display.say(f"batch      {pictures}, all training pictures: fewer than {asked}; peak learning rate {rate:.2g}")
    return fitting


def _say_pictures(pictures: Pictures, found: Unlabelled, folder: Path, display: Display) -> None:
    table = pictures.table
    counts = {split: table.splits.count(split) for split in ("train", "val")}
    display.say(f"pictures   {len(table)} without labels: {counts['train']} to learn from, {counts['val']} held out")
    if found.kept_for_test:
        display.say(f"           {found.kept_for_test} of the test split are left alone")
    if pictures.unreadable:
        first = pictures.unreadable[0]
        listed = RunFolder(folder).unreadable_file
        display.say(f"left out   {len(pictures.unreadable)} unreadable files, listed in {listed}")
        display.say(f"           first {first.path}: {first.reason}")
