"""Predictions of another tool, from a CSV: ``path,label`` and one predicted class, or a score for each class."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from toprung.errors import DataError
from toprung.evaluation.predictions import Predictions

_PATHS = ("path", "file", "filename", "image", "picture", "name")
_LABELS = ("label", "true", "target", "truth", "true_label", "ground_truth", "class")
_ANSWERS = ("predicted", "prediction", "pred", "answer", "predicted_label")
_PREFIXES = ("score_", "prob_", "probability_", "p_", "logit_", "score:", "prob:")
_SURE = 20.0  # logit of a predicted class of which no score is told: probability 1 for all purposes


def read_predictions_csv(file: Path) -> Predictions:
    """Read predictions that any tool can write.

    The columns are found by their names, in any order and case: the picture (``path``, ``file``, ``image`` …), its true
    class (``label``, ``true``, ``target`` …), and either one predicted class (``predicted``, ``pred``, ``answer`` …) or
    a score for each class, in columns called as the classes, perhaps with ``score_`` or ``prob_`` before the name.
    Scores that are probabilities (not negative, adding up to 1) are taken as such, others as logits.

    Columns of numbers that no picture has as its class count as classes where all together are probabilities, and are
    refused where that cannot be told. Columns are parted by commas, or by tabs where the header has one.

    Returns:
        Predictions without content hashes; pictures are known by their paths.

    Raises:
        DataError: a column that is missing, or a line that cannot be; the message names file, line and value.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read as a UTF-8 CSV: {error}.") from error
    tab = "\t" in text.partition("\n")[0]
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if tab else ","))
    if not rows:
        raise DataError(f"{file} holds no predictions: a header path,label,… and a line for each picture are wanted.")
    header = [name for name in rows[0] if name is not None]
    path, label = _column(header, _PATHS, file, "the picture"), _column(header, _LABELS, file, "the true class")
    labels = [_cell(row, label, file, number) for number, row in enumerate(rows, start=2)]
    answer = next((name for name in header if name.strip().lower() in _ANSWERS), None)
    scored = {} if answer is not None else _score_columns(rows, header, set(labels), {path, label}, file)
    if answer is not None:
        answers = [_cell(row, answer, file, number) for number, row in enumerate(rows, start=2)]
        classes = tuple(sorted({*labels, *answers}))
        logits = np.zeros((len(rows), len(classes)), dtype=np.float32)
        logits[np.arange(len(rows)), [classes.index(one) for one in answers]] = _SURE
    elif scored:
        classes = tuple(sorted(scored))
        logits = _scores(rows, [scored[name] for name in classes], file)
    else:
        wanted = ", ".join(sorted(set(labels))[:4])
        raise DataError(
            f"{file} tells no answers: give a column predicted, or a column of scores for each class ({wanted} …); it "
            f"has {', '.join(header)}."
        )
    return Predictions(
        paths=tuple(_cell(row, path, file, number) for number, row in enumerate(rows, start=2)),
        hashes=("",) * len(rows),
        labels=np.array([classes.index(one) for one in labels], dtype=np.int64),
        logits=logits,
        classes=classes,
    )


def _column(header: Sequence[str], names: Sequence[str], file: Path, what: str) -> str:
    for wanted in names:
        for name in header:
            if name.strip().lower() == wanted:
                return name
    raise DataError(f"{file} has no column for {what} ({', '.join(names[:4])} …); it has {', '.join(header)}.")


def _cell(row: Mapping[str, str | None], column: str, file: Path, number: int) -> str:
    value = row.get(column)
    if not value or not value.strip():
        raise DataError(f"{file}, line {number}: the column {column} is empty.")
    return value.strip()


def _score_columns(
    rows: Sequence[Mapping[str, str | None]], header: Sequence[str], labels: set[str], taken: set[str], file: Path
) -> dict[str, str]:
    """Return class -> column; all true classes must have one."""
    free = [name for name in header if name not in taken]
    for prefix in _PREFIXES:
        found = {name.strip()[len(prefix) :]: name for name in free if name.strip().lower().startswith(prefix)}
        if labels <= set(found):
            return found
    plain = {name.strip(): name for name in free}
    if not labels <= set(plain):
        return {}
    true = {name: column for name, column in plain.items() if name in labels}
    others = {name: column for name, column in plain.items() if name not in labels and _holds_numbers(rows, column)}
    if not others or _are_shares(rows, list(true.values())):
        return true
    if _are_shares(rows, [*true.values(), *others.values()]):
        return true | others
    # A class that no picture has, or something else, such as a time? To leave a class out would hide mistakes.
    raise DataError(
        f"{file}: no picture is of the class {', '.join(others)}, so that nobody can tell whether those columns are "
        "scores; put score_ before the names of all columns of scores."
    )


def _holds_numbers(rows: Sequence[Mapping[str, str | None]], column: str) -> bool:
    try:
        return all(np.isfinite(float(row.get(column) or "")) for row in rows)
    except ValueError:
        return False


def _are_shares(rows: Sequence[Mapping[str, str | None]], columns: Sequence[str]) -> bool:
    """Say whether the columns hold probabilities that add up to 1 in every row."""
    if not all(_holds_numbers(rows, column) for column in columns):
        return False
    values = np.array([[float(row.get(column) or "") for column in columns] for row in rows])
    return bool((values >= 0).all() and np.allclose(values.sum(axis=1), 1, atol=1e-2))


def _scores(rows: Sequence[Mapping[str, str | None]], columns: Sequence[str], file: Path) -> np.ndarray:
    values = np.empty((len(rows), len(columns)), dtype=np.float64)
    for number, row in enumerate(rows):
        for place, column in enumerate(columns):
            text = row.get(column) or ""
            try:
                values[number, place] = float(text)
            except ValueError:
                raise DataError(f"{file}, line {number + 2}: {column} = {text!r} is not a number.") from None
    if not np.isfinite(values).all():
        line = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0]) + 2
        raise DataError(f"{file}, line {line}: a score is NaN or infinite.")
    if (values >= 0).all() and np.allclose(values.sum(axis=1), 1, atol=1e-2):
        values = np.log(np.maximum(values, 1e-12))
    found: np.ndarray = values.astype(np.float32)
    return found
