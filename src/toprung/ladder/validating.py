"""Score a model on labelled pictures that need not be those it was trained on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toprung.data.rows import Row
from toprung.data.sources import read_rows
from toprung.data.table import SPLITS
from toprung.data.table_csv import read_table_csv
from toprung.errors import DataError, nearest
from toprung.evaluation.metrics import score
from toprung.evaluation.predictions import Predictions
from toprung.images.files import content_hash, read_content
from toprung.ladder.display import Display
from toprung.runs.folder import RunFolder
from toprung.runs.wrapping import PictureClassifier
from toprung.storage import write_bytes, write_text


@dataclass(frozen=True)
class ValidationResult:
    """What came of scoring.

    Attributes:
        scores: as :func:`toprung.evaluation.metrics.score` gives them, with ``split`` added.
        predictions: of every readable picture.
        unreadable: paths and reasons of the rest.
    """

    scores: dict[str, Any]
    predictions: Predictions
    unreadable: tuple[tuple[str, str], ...]


def validate_source(
    classifier: PictureClassifier, source: Path, *, split: str | None, display: Display, batch_size: int = 32
) -> ValidationResult:
    """Predict labelled pictures and score the predictions.

    Labels are matched to the model's classes by name; a source may hold some of them only.

    Args:
        classifier: the model.
        source: folder of class folders, folder of split folders, CSV or Parquet.
        split: which split of the source; ``None`` for test where it has one, else val, else everything.
        display: where to show progress.
        batch_size: pictures per forward pass.

    Raises:
        DataError: no pictures, no such split, or a class that the model does not know.
    """
    rows, chosen = _choose(read_rows(source), split, source)
    index = {name: number for number, name in enumerate(classifier.classes)}
    for row in rows:
        if row.label not in index:
            raise DataError(
                f"the model does not know the class {row.label!r} (first {row.path}); it knows "
                f"{', '.join(classifier.classes[:12])}.{nearest(row.label, index, 1)}"
            )
    labels = np.array([index[row.label] for row in rows], dtype=np.int64)
    logits = np.empty((len(rows), len(index)), dtype=np.float32)
    good: list[int] = []
    unreadable: list[tuple[str, str]] = []
    with display.reading("scoring") as progress:
        for places, scores, failures in classifier.stream([row.path for row in rows], batch_size=batch_size):
            logits[places] = scores
            good += places
            unreadable += [(str(rows[place].path), reason) for place, reason in failures]
            progress(len(good) + len(unreadable), len(rows))
    if not good:
        raise DataError(f"none of the {len(rows)} pictures of {source} can be read, first {unreadable[0][1]}")
    predictions = Predictions(
        paths=tuple(str(rows[place].path) for place in good),
        hashes=tuple(content_hash(read_content(rows[place].path)) for place in good),
        labels=labels[good],
        logits=logits[good],
        classes=classifier.classes,
    )
    return ValidationResult({"split": chosen} | score(predictions), predictions, tuple(unreadable))


def learnt_pictures(run: Path, predictions: Predictions) -> int:
    """Return how many of the pictures stand, by content, in the run's own training split; 0 for a bare model."""
    file = RunFolder(run).table_file
    if not file.is_file():
        return 0
    learnt = set(read_table_csv(file).split("train").hashes) - {""}
    return sum(content in learnt for content in predictions.hashes)


def save_validation(folder: Path, result: ValidationResult) -> None:
    """Write ``predictions.npz`` and ``scores.json`` into a folder.

    Raises:
        StorageError: full disk, or no permission.
    """
    write_bytes(folder / "predictions.npz", result.predictions.to_bytes())
    write_text(folder / "scores.json", json.dumps(result.scores, indent=2, ensure_ascii=False) + "\n")


def _choose(rows: list[Row], split: str | None, source: Path) -> tuple[list[Row], str]:
    """Return the rows of a split, and its name."""
    present = [name for name in SPLITS if any(row.split == name for row in rows)]
    if split is None:
        split = next((name for name in ("test", "val") if name in present), None)
        if split is None:
            return rows, "all"
    if split not in present:
        has = f"it has {', '.join(present)}" if present else "it has no splits; leave out --split"
        raise DataError(f"{source} has no {split} split; {has}.")
    return [row for row in rows if row.split == split], split
