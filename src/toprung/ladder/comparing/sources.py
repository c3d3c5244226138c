"""What can be compared: a run, its variants, a file of predictions, or a table of another tool."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from toprung.errors import RunError
from toprung.evaluation.predictions import Predictions
from toprung.ladder.comparing.foreign import read_predictions_csv
from toprung.runs.folder import RunFolder


@dataclass(frozen=True)
class Compared:
    """A model to compare.

    Attributes:
        name: by which it is told.
        predictions: what it said.
        split: of a run, "" for a file.
    """

    name: str
    predictions: Predictions
    split: str = ""


def read_compared(place: Path, split: str | None) -> Compared:
    """Read what a model said.

    Args:
        place: a run, a folder of ``toprung validate --save``, an .npz file of predictions, or a CSV.
        split: of runs; ``None`` for test where there is one, else val.

    Raises:
        RunError: no such place, or no predictions in it.
        DataError: a CSV that cannot be used.
    """
    if place.suffix.lower() in (".csv", ".tsv"):
        return Compared(place.name, read_predictions_csv(place))
    if place.suffix == ".npz":
        return Compared(place.name, Predictions.read(place))
    if (place / "predictions.npz").is_file():
        return Compared(place.name, Predictions.read(place / "predictions.npz"))
    run = RunFolder.open(place)
    for one in (split,) if split else ("test", "val"):
        if run.predictions_file(one).is_file():
            return Compared(run.path.resolve().name, Predictions.read(run.predictions_file(one)), one)
    raise RunError(f"{place} holds no predictions of {split or 'test or val'}; it has not finished.")


def seeds_of(places: list[Path]) -> dict[int, int]:
    """Return place in the list -> number of its recipe, equal for runs whose recipes differ by the seed alone."""
    recipes: dict[str, int] = {}
    found = {}
    for number, place in enumerate(places):
        mark = _without_seed(RunFolder(place).recipe_file) if place.is_dir() else ""
        found[number] = recipes.setdefault(mark or f"#{number}", len(recipes))
    return found


def _without_seed(file: Path) -> str:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    return "\n".join(line for line in lines if not line.startswith("seed ="))
