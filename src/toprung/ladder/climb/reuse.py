"""Train a recipe once: what stands there finished is used again, what was interrupted goes on."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from toprung.data.table_csv import read_table_csv
from toprung.errors import RunError
from toprung.ladder.display import Display
from toprung.ladder.origin import data_hash
from toprung.ladder.rung import climb_rung, resume_rung
from toprung.runs.folder import CARD_FILE, RunFolder
from toprung.storage import write_json
from toprung.training.recipe import Recipe

ASKED = ".asked"


def train_once(table_file: Path, recipe: Recipe, folder: Path, *, display: Display) -> RunFolder:
    """Return the finished run of a recipe on a table, training only what is not there yet.

    What was asked for is kept beside the run, in the folder ``.asked``, because the run's own ``recipe.toml`` holds
    what was decided, not what was asked. A folder made for another recipe or other pictures stays as it is, and the
    run gets the next free name.

    Args:
        table_file: pictures with their splits.
        recipe: to train by, as asked for.
        folder: of the run.
        display: where to tell what happens.

    Raises:
        ToprungError: as :func:`toprung.ladder.rung.climb_rung` and :func:`toprung.ladder.rung.resume_rung`.
    """
    asked = {"recipe": recipe.to_dict(), "data": data_hash(read_table_csv(table_file))}
    place = place_of(folder, asked)
    run = RunFolder(place)
    if not is_whole(run):
        write_json(_asked_file(place), asked)
        return climb_rung(table_file, recipe, out=place, runs=place.parent, display=display)
    if run.record()["status"] == "finished":
        display.say(f"reused     {place}: the same recipe and pictures")
        return run
    return resume_rung(place, display=display)


def place_of(folder: Path, asked: dict[str, Any]) -> Path:
    """Return where the run of what is asked stands or shall stand: ``folder``, ``folder-2`` and so on."""
    for number in itertools.count(1):
        place = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        is_free = not place.exists() or not any(place.iterdir())
        if is_free and _asked(place) in ({}, asked):
            return place
        if not is_free and _asked(place) == asked and is_whole(RunFolder(place)):
            return place
    raise AssertionError("there is always a next number")


def is_whole(run: RunFolder) -> bool:
    """Say whether a run was made completely; the model's card is the last thing that is written then."""
    return (run.model / CARD_FILE).is_file()


def run_of(table_file: Path, recipe: Recipe, folder: Path) -> RunFolder | None:
    """Return the run that :func:`train_once` would go on with or use again, ``None`` where there is none yet."""
    asked = {"recipe": recipe.to_dict(), "data": data_hash(read_table_csv(table_file))}
    run = RunFolder(place_of(folder, asked))
    return run if is_whole(run) else None


def _asked_file(place: Path) -> Path:
    return place.parent / ASKED / f"{place.name}.json"


def _asked(place: Path) -> dict[str, Any]:
    """Return what a place was made for, nothing where nobody knows."""
    try:
        content = json.loads(_asked_file(place).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise RunError(f"{_asked_file(place)} is damaged: {error}; remove it to train {place.name} anew.") from error
    return content if isinstance(content, dict) else {}
