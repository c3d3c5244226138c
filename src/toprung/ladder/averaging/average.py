"""Average runs into a run, or weights files into a weights file."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from toprung.checkpoints.averaging import AverageAccount, average_files
from toprung.errors import RecipeError, RunError
from toprung.evaluation.predictions import Predictions
from toprung.ladder.averaging.judging import Kitchen, judgement_of
from toprung.ladder.averaging.methods import Judge, Judgement, Method
from toprung.ladder.averaging.parents import Parent, open_parents, refuse_unlike
from toprung.ladder.averaging.pictures import SELECTION, Pictures, gather_pictures
from toprung.ladder.averaging.records import write_run
from toprung.ladder.averaging.result import Averaged
from toprung.ladder.display import Display
from toprung.runs.folder import RunFolder, free_name
from toprung.runs.model import ModelCard
from toprung.storage import explain, make_folder
from toprung.training.hardware import resolve_device
from toprung.training.recipe import Recipe

WEIGHTS_SUFFIX = ".safetensors"


def average_runs(
    paths: Sequence[Path],
    method: Method,
    *,
    pictures: Path | None,
    out: Path | None,
    runs: Path,
    device: str,
    batch_size: int,
    display: Display,
) -> RunFolder:
    """Average runs, saved models and weights files of one architecture into a new run.

    Args:
        paths: at least one of them a run.
        method: how much each counts.
        pictures: labelled pictures to choose and to score on; ``None`` for the first run's own.
        out: the run folder to make, ``None`` for a free name below ``runs``.
        runs: where runs stand.
        device: auto, cpu, cuda or mps.
        batch_size: pictures at a time.
        display: where to tell what happens.

    Raises:
        ToprungError: for each thing that can be wrong with the models, pictures, options or disk.
    """
    began = time.monotonic()
    parents = _checked(paths, method)
    card = next((parent.card for parent in parents if parent.card is not None), None)
    if card is None:
        raise RunError(
            "none of these is a run or a saved model, so nobody knows how to build and feed the network; write the "
            "weights alone with --out FILE.safetensors, or name a run among them."
        )
    recipe = _recipe_of(card).with_settings({"preset": f"average-{method.NAME}"})
    card = dataclasses.replace(card, recipe=recipe.to_dict())
    out = out or free_name(runs, f"{card.architecture}-average-{method.NAME}")
    RunFolder.refuse_existing(out)
    opening = RunFolder.opening_record(out.name)
    chosen_device = torch.device(resolve_device(device))
    found = gather_pictures(parents, pictures, selects=method.selects, seed=recipe.seed, display=display)
    _say(parents, found, display)
    make_folder(out.parent)
    # Everything is made beside the goal and renamed at the end: a stopped call leaves nothing that looks like a run.
    with tempfile.TemporaryDirectory(prefix=f".{out.name[:40]}.", dir=out.parent) as name:
        scratch = Path(name)
        kitchen = Kitchen(
            parents,
            card,
            found.table.split("train"),
            device=chosen_device,
            batch_size=batch_size,
            seed=recipe.seed,
            scratch=scratch,
            display=display,
        )
        made = scratch / "run"
        result = _average(kitchen, parents, method, found, made, display)
        opening["seconds"] = round(time.monotonic() - began, 1)
        write_run(made, opening, result, found, card, recipe)
        try:
            if out.is_dir():
                out.rmdir()  # it is empty
            made.rename(out)
        except OSError as error:
            raise explain(error, out) from error
    return RunFolder.open(out)


def average_weights(paths: Sequence[Path], method: Method, out: Path, *, display: Display) -> AverageAccount:
    """Average the weights alone into one safetensors file; nothing is run, BatchNorm's statistics are averaged too.

    Raises:
        RecipeError: a method that must choose on pictures.
        RunError: the file exists.
        WeightsMismatch, WeightsError, StorageError: as :func:`average_files`.
    """
    if method.selects:
        raise RecipeError(
            f"{method.NAME} chooses on labelled pictures and makes a run, not a weights file; name a folder with --out."
        )
    if out.exists():
        raise RunError(f"{out} exists already and is never overwritten; choose another --out.")
    parents = _checked(paths, method)
    shares = method.choose([parent.name for parent in parents], _no_judge).shares
    with display.reading("averaging") as progress:
        account = average_files([parent.file for parent in parents], shares, out, progress=progress)
    for parent, share in zip(parents, shares, strict=True):
        display.say(f"{share:7.2%}    {parent.path}")
    say_account(account, display)
    statistics = [name for name in account.averaged if name.endswith(("running_mean", "running_var"))]
    if statistics:
        display.warn(
            f"BATCHNORM  {len(statistics)} running statistics are plain means, which are not those of the averaged "
            "weights: compute them anew on training pictures before use. Average runs for that to be done."
        )
    return account


def say_account(account: AverageAccount, display: Display) -> None:
    """Tell what became of the tensors."""
    display.say(f"averaged   {len(account.averaged)} tensors, summed in float64")
    if account.kept:
        display.say(
            f"kept       {len(account.kept)} tensors of whole numbers from the last file, first {account.kept[0]}"
        )
    if account.widened:
        display.say(f"widened    {len(account.widened)} tensors of 16 bits or fewer are float32 now")


def _average(
    kitchen: Kitchen, parents: tuple[Parent, ...], method: Method, found: Pictures, made: Path, display: Display
) -> Averaged:
    parts = {split: found.table.split(split) for split in found.splits}
    choosing = parts.get(SELECTION, next(iter(parts.values())))
    judge: Judge = (lambda shares: kitchen.judge(shares, choosing)) if method.selects else _no_judge
    choice = method.choose([parent.name for parent in parents], judge)
    account, statistics = kitchen.make(choice.shares, made / "model")
    say_account(account, display)
    if statistics:
        display.say(f"batchnorm  statistics computed anew on {statistics} training pictures")
    predictions = {split: kitchen.predict(made / "model", part) for split, part in parts.items()}
    of_parents = tuple(
        {split: kitchen.predict_parent(place, part) for split, part in parts.items()} for place in range(len(parents))
    )
    best = _best([said[next(iter(parts))] for said in of_parents])
    return Averaged(parents, method.NAME, choice, account, statistics, predictions, of_parents, best)


def _best(answers: Sequence[Predictions]) -> int:
    """Return the place of the most accurate ones; of equals those of the lowest log-loss."""
    found = [judgement_of(predictions) for predictions in answers]
    return min(range(len(found)), key=lambda place: (-found[place].accuracy, found[place].log_loss))


def _checked(paths: Sequence[Path], method: Method) -> tuple[Parent, ...]:
    if len(paths) < 2:
        raise RecipeError(f"an average needs two models or more, and {len(paths)} is given; name others.")
    parents = open_parents(paths)
    if not method.selects:  # options that do not fit so many models are told before anything is read
        method.choose([parent.name for parent in parents], _no_judge)
    refuse_unlike(parents)
    return parents


def _no_judge(shares: Sequence[float]) -> Judgement:
    raise AssertionError("this method chooses without pictures")


def _recipe_of(card: ModelCard) -> Recipe:
    """Return the recipe that a model was trained by; the defaults where it is of another version."""
    try:
        recipe = Recipe.from_dict(card.recipe)
    except RecipeError:
        recipe = Recipe()
    return recipe.with_settings({"model.name": card.architecture})


def _say(parents: Sequence[Parent], found: Pictures, display: Display) -> None:
    display.say(f"models     {', '.join(parent.name for parent in parents)}")
    counts = ", ".join(f"{found.table.splits.count(split)} {split}" for split in found.splits)
    display.say(f"pictures   {counts}, from {found.root}")
    for note in found.notes:
        display.warn(f"note       {note}")
