"""The runs that are fused: what each says of the same pictures.

Legend: M members, N pictures, C classes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toprung.errors import RecipeError, RunError
from toprung.evaluation.predictions import Predictions
from toprung.runs.folder import RunFolder
from toprung.runs.fusion_card import is_fused

SELECTION, REPORT = "val", "test"


@dataclass(frozen=True)
class FusedRun:
    """A run to fuse.

    Attributes:
        run: its folder.
        name: by which it is told from the others.
        said: split -> its predictions, pictures and classes in the order of the first member.
    """

    run: RunFolder
    name: str
    said: dict[str, Predictions]

    @property
    def selection(self) -> NDArray[np.float32]:
        """``(N, C)`` logits on the selection split."""
        return self.said[SELECTION].logits


def open_members(paths: Sequence[Path]) -> list[FusedRun]:
    """Read what runs say of their selection and report pictures, laid in one order.

    Raises:
        RecipeError: fewer than two runs, or one twice.
        RunError: a folder that is no finished run, or runs that were scored on other pictures or know other classes.
    """
    if len(paths) < 2:
        raise RecipeError(f"a fusion needs two runs or more, and {len(paths)} is given; name others.")
    places = [path.resolve() for path in paths]
    for path, place in zip(paths, places, strict=True):
        if places.count(place) > 1:
            raise RecipeError(f"{path} is named twice; each run counts once, and its weight is fitted.")
    runs = [_opened(path) for path in paths]
    names = _names(paths)
    first = {split: _read(runs[0], split) for split in _splits(runs)}
    return [
        FusedRun(
            run,
            name,
            {
                split: (said if run is runs[0] else laid_like(said, _read(run, split), names[0], name))
                for split, said in first.items()
            },
        )
        for run, name in zip(runs, names, strict=True)
    ]


def laid_like(first: Predictions, other: Predictions, first_name: str, name: str) -> Predictions:
    """Return predictions with rows and classes in the order of another's.

    Raises:
        RunError: other pictures, labels or classes.
    """
    if set(first.classes) != set(other.classes) or len(first.classes) != len(other.classes):
        differing = ", ".join(sorted(set(first.classes) ^ set(other.classes))[:6])
        raise RunError(f"{name} knows other classes than {first_name} ({differing}), so they cannot be fused.")
    rows = _rows(other)
    wanted = _rows(first)
    if rows.keys() != wanted.keys():
        common = len(rows.keys() & wanted.keys())
        raise RunError(
            f"{name} was scored on other pictures than {first_name} ({len(rows)} and {len(wanted)}, {common} in "
            "common), so they cannot be fused; train both on one split (`toprung climb`, or data/table.csv of one run "
            "as PICTURES)."
        )
    order = [rows[key] for key in wanted]
    columns = [other.classes.index(one) for one in first.classes]
    return dataclasses.replace(first, logits=other.logits[order][:, columns])


def _rows(predictions: Predictions) -> dict[tuple[str, str, int], int]:
    """Return picture (content, class, and which of several equal files) -> row."""
    seen: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, str, int], int] = {}
    for row, (content, label) in enumerate(zip(predictions.hashes, predictions.labels, strict=True)):
        key = (content, predictions.classes[label] if label >= 0 else "")
        seen[key] = seen.get(key, -1) + 1
        found[(*key, seen[key])] = row
    return found


def _opened(path: Path) -> RunFolder:
    run = RunFolder.open(path)
    if run.record().get("status") != "finished":
        raise RunError(f"{path} is not finished; finish it with `{run.command} --resume {path}`.")
    if not run.best_file.is_file() and not is_fused(run.model):
        raise RunError(f"{path} holds no model, so it can neither be fused nor predict.")
    if not run.predictions_file(SELECTION).is_file():
        raise RunError(f"{path} holds no predictions of val, on which the weights of a fusion are fitted.")
    return run


def _splits(runs: Sequence[RunFolder]) -> list[str]:
    return [split for split in (SELECTION, REPORT) if all(run.predictions_file(split).is_file() for run in runs)]


def _read(run: RunFolder, split: str) -> Predictions:
    return Predictions.read(run.predictions_file(split))


def _names(paths: Sequence[Path]) -> list[str]:
    """Return the runs' names, with their parents where they are the same."""
    names = [path.resolve().name for path in paths]
    if len(set(names)) == len(names):
        return names
    return ["/".join(path.resolve().parts[-2:]) for path in paths]
