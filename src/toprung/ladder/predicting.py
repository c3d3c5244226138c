"""Predict a folder into a CSV: a line per picture, in order, resumable, whatever happens to the process.

Lines go to ``NAME.partial`` beside the result and are flushed batch by batch; the last step renames it. A second
call after an interruption keeps the lines that are whole and goes on behind them.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from toprung.errors import RunError
from toprung.ladder.answering import PLAIN, Answers
from toprung.runs.wrapping import PictureClassifier
from toprung.storage import explain, write_text


@dataclass(frozen=True)
class PredictionCount:
    """How the pictures came out.

    Attributes:
        predicted: pictures with a prediction, those kept included.
        kept: lines taken over from an interrupted call.
        unreadable: pictures without a prediction.
    """

    predicted: int
    kept: int
    unreadable: int


class CsvLines:
    """Formats predictions as lines of a CSV.

    Columns: ``path, label, probability``, then ``label_2, probability_2`` and so on, then those of ``answers``, then
    ``error`` with the reason where a picture could not be read (and the others empty).

    Args:
        classes: class names, by output.
        top: how many classes are named, most probable first.
        answers: how they are answered.
    """

    def __init__(self, classes: Sequence[str], top: int, answers: Answers = PLAIN) -> None:
        self._classes = classes
        self._answers = answers
        self.top = min(top, len(classes))

    @property
    def header(self) -> str:
        """The first line."""
        names = ["path", "label", "probability"]
        for place in range(2, self.top + 1):
            names += [f"label_{place}", f"probability_{place}"]
        return _line([*names, *self._answers.columns, "error"])

    def predicted(self, path: Path, logits: NDArray[np.float32]) -> str:
        """Return the line of a picture."""
        shares = self._answers.probabilities(logits)
        cells: list[str] = [str(path)]
        for place in np.argsort(-shares, kind="stable")[: self.top]:
            cells += [self._classes[place], f"{shares[place]:.6f}"]
        if self._answers.abstains(shares):
            cells[1] = ""
        return _line([*cells, *self._answers.cells(path, shares), ""])

    def unreadable(self, path: Path, reason: str) -> str:
        """Return the line of a picture that could not be read."""
        return _line([str(path), *[""] * (2 * self.top + len(self._answers.columns)), reason])


def predict_to_csv(
    classifier: PictureClassifier,
    paths: Sequence[Path],
    out: Path,
    *,
    top: int,
    batch_size: int,
    settings: dict[str, Any],
    progress: Callable[[int, int], None],
    answers: Answers = PLAIN,
) -> PredictionCount:
    """Predict pictures into ``out``, going on where an interrupted call stopped.

    Args:
        classifier: the model.
        paths: the pictures, in the order of the lines.
        out: the CSV to make.
        top: classes named per picture.
        batch_size: pictures per forward pass.
        settings: what the lines depend on (model, top, views, tiles); a partial file made with others is refused.
        progress: told of pictures done and in all.
        answers: calibrated, abstaining, with sets; a partial file made otherwise is refused.

    Raises:
        RunError: ``out`` exists, or a partial file belongs to other settings.
        StorageError: full disk, or no permission; the lines so far stay.
    """
    if out.exists():
        raise RunError(f"{out} exists already and is never overwritten; give another name with -o.")
    lines = CsvLines(classifier.classes, top, answers)
    partial, note = out.with_name(out.name + ".partial"), out.with_name(out.name + ".partial.json")
    settings = settings | {"columns": lines.header} | answers.settings
    done = _take_up(partial, note, settings, lines.header)
    remaining = [path for path in paths if str(path) not in done]
    kept = finished = len(paths) - len(remaining)
    unreadable = sum(done.values())
    progress(finished, len(paths))
    try:
        with partial.open("a", encoding="utf-8", newline="") as file:
            for text, bad in _stream(classifier, remaining, lines, batch_size):
                file.writelines(text)
                file.flush()
                unreadable += bad
                finished += len(text)
                progress(finished, len(paths))
            os.fsync(file.fileno())
        partial.replace(out)
        note.unlink(missing_ok=True)
    except OSError as error:
        raise explain(error, partial) from error
    return PredictionCount(len(paths) - unreadable, kept, unreadable)


def predict_to_stream(
    classifier: PictureClassifier,
    paths: Sequence[Path],
    file: TextIO,
    *,
    top: int,
    batch_size: int,
    answers: Answers = PLAIN,
) -> PredictionCount:
    """Write the same lines to an open stream, such as standard output."""
    lines = CsvLines(classifier.classes, top, answers)
    file.write(lines.header)
    unreadable = 0
    for text, bad in _stream(classifier, paths, lines, batch_size):
        file.writelines(text)
        file.flush()
        unreadable += bad
    return PredictionCount(len(paths) - unreadable, 0, unreadable)


def is_begun(out: Path) -> bool:
    """Return whether an interrupted call has left lines of this CSV."""
    return out.with_name(out.name + ".partial").is_file()


def _stream(
    classifier: PictureClassifier, paths: Sequence[Path], lines: CsvLines, batch_size: int
) -> Iterator[tuple[list[str], int]]:
    """Yield lines in the order of the paths, batch by batch, and how many of them are of unreadable pictures."""
    for rows, logits, failures in classifier.stream(paths, batch_size=batch_size):
        by_row = {row: lines.predicted(paths[row], values) for row, values in zip(rows, logits, strict=True)}
        by_row |= {row: lines.unreadable(paths[row], reason) for row, reason in failures}
        yield [by_row[row] for row in sorted(by_row)], len(failures)


def _take_up(partial: Path, note: Path, settings: dict[str, Any], header: str) -> dict[str, bool]:
    """Cut a partial file back to whole lines, or begin one; return paths done -> whether they were unreadable."""
    text = json.dumps(settings, sort_keys=True, ensure_ascii=False)
    if not partial.is_file():
        write_text(note, text)
        write_text(partial, header)
        return {}
    try:
        before = note.read_text(encoding="utf-8") if note.is_file() else ""
        content = partial.read_bytes()
    except OSError as error:
        raise explain(error, partial, "read") from error
    if before != text:
        raise RunError(f"{partial} was begun with another model or other settings; finish it with those, or remove it.")
    records = _whole_records(content)
    whole = _joined(records)
    if len(whole.encode("utf-8")) != len(content):
        write_text(partial, whole)  # the last line was cut short by the interruption
    return {record[0]: bool(record[-1]) for record in records[1:]}


def _whole_records(content: bytes) -> list[list[str]]:
    """Return the cells of the lines that end in a line break; quoted line breaks do not end one."""
    cut = content[: content.rfind(b"\n") + 1].decode("utf-8", errors="replace")
    records = list(csv.reader(io.StringIO(cut, newline="")))
    width = len(records[0]) if records else 0
    return [record for record in records if len(record) == width]


def _joined(records: Sequence[Sequence[str]]) -> str:
    return "".join(_line(record) for record in records)


def _line(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()
