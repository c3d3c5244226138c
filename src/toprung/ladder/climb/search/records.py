"""The files of a search that people read: what was searched, every trial, and the best recipe."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toprung.errors import RunError
from toprung.ladder.climb.search.space import SearchSpace
from toprung.ladder.climb.search.trials import Trial
from toprung.storage import write_json, write_text
from toprung.training.recipe import Recipe
from toprung.version import __version__

FORMAT = 1
RECORD, TRIALS, BEST, DATA = "search.json", "trials.csv", "best.toml", "data"
_COLUMNS = ("trial", "state", "val_accuracy", "val_log_loss", "epochs", "seconds")


def open_record(folder: Path, base: Recipe, space: SearchSpace, *, seed: int, eta: int) -> None:
    """Write down what is searched, or make sure that it is what was searched here before.

    Raises:
        RunError: the folder holds the search of another recipe or space, or is of a newer version.
        StorageError: full disk, or no permission.
    """
    asked = {"base": base.to_dict(), "space": space.to_json(), "seed": seed, "eta": eta}
    file = folder / RECORD
    if not file.is_file():
        if folder.is_dir() and any(item.name != DATA for item in folder.iterdir()):
            raise RunError(f"{folder} holds other things than a search; choose another folder.")
        write_json(file, {"format": FORMAT, "kind": "search", "toprung": __version__, "status": "running"} | asked)
        return
    held = read_record(folder)
    changed = [name for name, value in asked.items() if held.get(name) != json.loads(json.dumps(value))]
    if changed:
        raise RunError(
            f"{folder} holds a search with another {' and another '.join(changed)}; go on with the same one, or choose "
            "another folder."
        )


def read_record(folder: Path) -> dict[str, Any]:
    """Return ``search.json``.

    Raises:
        RunError: missing, damaged, or of a newer version.
    """
    file = folder / RECORD
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        written = content["format"]
    except FileNotFoundError:
        raise RunError(f"{folder} is not a search: it holds no {RECORD}.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{file} is damaged: {error}.") from error
    if written > FORMAT:
        raise RunError(f"{file} was written by a newer toprung (search format {written}); update toprung.")
    return dict(content)


def update_record(folder: Path, **changes: Any) -> None:
    """Change entries of ``search.json``."""
    write_json(folder / RECORD, read_record(folder) | changes)


def write_trials(folder: Path, space: SearchSpace, trials: Sequence[Trial]) -> None:
    """Write ``trials.csv``: a line for each trial that is over.

    Raises:
        StorageError: full disk, or no permission.
    """
    names = [dimension.name for dimension in space.dimensions]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*_COLUMNS, *names, "run", "why"))
    for trial in trials:
        score = ["" if value is None else f"{value:.6f}" for value in (trial.accuracy, trial.log_loss)]
        values = [trial.values.get(name, "") for name in names]
        run = trial.folder.relative_to(folder)
        writer.writerow(
            (trial.number, trial.state, *score, trial.epochs, f"{trial.seconds:.1f}", *values, run, trial.why)
        )
    write_text(folder / TRIALS, text.getvalue())


def write_best(folder: Path, recipe: Recipe) -> None:
    """Write the best recipe so far as ``best.toml``."""
    write_text(folder / BEST, recipe.to_toml())
