"""All runs of a folder, best first, with their intervals.

Reads JSON and the hashes of the predictions only, so that it is there at once; no torch, no scikit-learn.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from toprung.errors import RunError
from toprung.ladder.reading import Json, listing, mapping, number, read_json, text
from toprung.runs.folder import FORMAT, RunFolder

if TYPE_CHECKING:
    from rich.console import Console

_PREFERRED = ("test", "val")
_TAIL = 65_536  # bytes at the end of metrics.jsonl that are looked through for the last epoch


@dataclass(frozen=True)
class BoardRow:
    """One run.

    Attributes:
        name: the run's name.
        path: its folder.
        model: timm name of the model, "" where unknown.
        status: ``finished``, ``running``, ``interrupted``, ``failed``, ``damaged`` or ``unknown``.
        error: why it failed or cannot be ranked, "" otherwise.
        split: what it was scored on, ``test`` or ``val``; "" without scores.
        pictures: how many.
        accuracy: with its 95 % Wilson interval ``low`` … ``high``, in [0, 1].
        low: see above.
        high: see above.
        balanced_accuracy: in [0, 1].
        log_loss: in nats.
        epochs: epochs trained.
        seconds: time taken.
        picture_set: digest of the scored pictures' hashes; equal where two runs were scored on the same ones,
            "" where unknown.
        rank: 1 for the best of its split, ``None`` for a run that is not ranked.
        tied: it cannot be told apart from the best of its split: by a paired test on the same pictures where there are
            predictions (``p_value`` tells), else because their intervals overlap, which is a hint only.
        p_value: of its being as good as the best: McNemar's exact test, with Holm's correction over all pairs of runs;
            ``None`` where there was no test.
        other_pictures: scored on other pictures than the best of its split (or that cannot be known), so the
            two accuracies do not compare.
        partial_weights: it started from weights that did not fit, of which only a part was loaded.
        chosen: it won its climb, on the selection split.
    """

    name: str
    path: str
    model: str = ""
    status: str = "unknown"
    error: str = ""
    split: str = ""
    pictures: int = 0
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    balanced_accuracy: float | None = None
    log_loss: float | None = None
    epochs: int | None = None
    seconds: float | None = None
    picture_set: str = ""
    rank: int | None = None
    tied: bool = False
    p_value: float | None = None
    other_pictures: bool = False
    partial_weights: bool = False
    chosen: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain values."""
        return asdict(self)


def read_board(runs: Path, *, split: str | None = None) -> list[BoardRow]:
    """Read and rank all runs of a folder.

    Runs scored on their test split come first, ranked among themselves; then those scored on val only, ranked
    among themselves: the two never share a ranking. Last, without a rank, what did not finish or has no
    scores. A run's variants, such as the last weights beside an averaged model, have rows of their own.

    Args:
        runs: a folder of run folders, or one run folder.
        split: rank by this split alone, such as ``val``, which all runs have.

    Returns:
        At least one row.

    Raises:
        RunError: the folder is missing or holds no runs.
    """
    runs = Path(runs)
    if not runs.is_dir():
        raise RunError(f"there is no folder {runs}; train one with `toprung train`, or give the folder of your runs.")
    single = RunFolder(runs).record_file.is_file()
    folders = [runs] if single else sorted(p for p in runs.iterdir() if RunFolder(p).record_file.is_file())
    stopped, winner = _climb(runs)
    if not folders and not stopped:
        raise RunError(
            f"{runs} holds no runs (folders with a run.json); train one with `toprung train`, "
            "or give the folder of your runs."
        )
    variants = [variant for folder in folders for variant in sorted(folder.glob("variants/*/run.json"))]
    folders += [variant.parent for variant in variants]
    from toprung.ladder.board_groups import told_apart

    read = [_read_row(folder, (split,) if split else _PREFERRED) for folder in folders]
    rows = [replace(row, chosen=bool(winner) and Path(row.path) == runs / winner) for row in read]
    return told_apart(rank([*rows, *stopped]))


def rank(rows: Iterable[BoardRow]) -> list[BoardRow]:
    """Return the rows in the order of the board, with ``rank``, ``tied`` and ``other_pictures`` set."""
    rows = list(rows)
    ranked: list[BoardRow] = []
    splits = sorted({row.split for row in rows if _rankable(row)}, key=lambda split: (split != "test", split))
    for split in splits:
        group = sorted((row for row in rows if _rankable(row) and row.split == split), key=_order)
        best = group[0]
        for place, row in enumerate(group, start=1):
            same = bool(row.picture_set) and row.picture_set == best.picture_set
            ranked.append(
                replace(row, rank=place, tied=row is not best and _overlap(row, best), other_pictures=not same)
                if row is not best
                else replace(row, rank=place)
            )
    rest = [row for row in rows if not _rankable(row)]
    return ranked + sorted(rest, key=lambda row: row.name)


def print_board(rows: Sequence[BoardRow], console: Console | None = None) -> None:
    """Print the board as a table.

    Args:
        rows: as :func:`read_board` gives them.
        console: where to; standard output where ``None``. Narrow ones get fewer columns.
    """
    from rich.console import Console

    from toprung.ladder.board_table import draw_board

    console = console or Console()
    for part in draw_board(rows, width=console.width, encoding=console.encoding):
        console.print(part)


def _climb(folder: Path) -> tuple[list[BoardRow], str]:
    """Return the rungs of a climb that left no run, with their reasons, and the name of the run that won."""
    problems: list[str] = []
    climb = read_json(folder / "climb.json", problems)
    rows = []
    for rung in map(mapping, listing(climb.get("rungs"))):
        status = text(rung.get("status"))
        left = [name for name in map(text, listing(rung.get("runs"))) if (folder / name / "run.json").is_file()]
        if status in ("failed", "skipped") and not left:
            why = text(rung.get("error")) or text(rung.get("reason"))
            rows.append(BoardRow(name=text(rung.get("name")), path=str(folder), status=status, error=why))
    return rows, text(mapping(climb.get("winner")).get("run"))


def _rankable(row: BoardRow) -> bool:
    return row.status == "finished" and row.accuracy is not None


def _order(row: BoardRow) -> tuple[float, float, str]:
    # Of equal accuracies the lower log-loss is the better one.
    loss = row.log_loss if row.log_loss is not None else float("inf")
    return (-(row.accuracy or 0.0), loss, row.name)


def _overlap(row: BoardRow, best: BoardRow) -> bool:
    return row.high is not None and best.low is not None and row.high >= best.low


def _read_row(folder: Path, splits: Sequence[str]) -> BoardRow:
    problems: list[str] = []
    run = RunFolder(folder)
    record = read_json(run.record_file, problems)
    row = BoardRow(
        name=text(record.get("name")) or folder.resolve().name,
        path=str(folder),
        model=text(record.get("model")),
        status=text(record.get("status")) or ("damaged" if problems else "unknown"),
        error=problems[0] if problems else text(record.get("error")),
        epochs=_epochs(run.metrics_file),
        seconds=number(record.get("seconds")),
        partial_weights="partial weights" in listing(record.get("marks")),
    )
    written = number(record.get("format"))
    if written is not None and written > FORMAT:
        return replace(row, status="newer", error="written by a newer toprung; update to read it")
    scores = read_json(run.scores_file, problems)
    for split in splits:
        scored = _scored(mapping(scores.get(split)))
        if scored:
            return replace(row, split=split, picture_set=_picture_set(run.predictions_file(split)), **scored)
    if row.status == "finished" and record.get("kind") == "pretraining":
        return replace(row, error=f"pretraining, no rank: toprung train PICTURES --weights {folder}")
    if row.status == "finished" and not row.error:
        return replace(row, error=problems[0] if problems else f"no scores on {' or '.join(splits)}")
    return row


def _scored(values: Json) -> Json:
    accuracy = {key: number(value) for key, value in mapping(values.get("accuracy")).items()}
    value, low, high = (accuracy.get(key) for key in ("value", "low", "high"))
    pictures = number(values.get("pictures"))
    if value is None or low is None or high is None or pictures is None:
        return {}
    if not 0 <= low <= value <= high <= 1:
        return {}
    return {
        "pictures": int(pictures),
        "accuracy": value,
        "low": low,
        "high": high,
        "balanced_accuracy": number(mapping(values.get("balanced_accuracy")).get("value")),
        "log_loss": number(mapping(values.get("log_loss")).get("value")),
    }


def _picture_set(file: Path) -> str:
    """Return a digest of the hashes of the labelled pictures, whatever their order; "" where unknown."""
    try:
        with np.load(file, allow_pickle=False) as data:  # reads only the entries asked for, not the logits
            hashes, labels = data["hashes"], data["labels"]
            kept = sorted(str(h) for h, label in zip(hashes, labels, strict=True) if label != -1)
    except (OSError, KeyError, ValueError, EOFError, TypeError, zipfile.BadZipFile):
        return ""
    if not kept or "" in kept:
        return ""
    return hashlib.blake2b("\n".join(kept).encode(), digest_size=16).hexdigest()


def _epochs(file: Path) -> int | None:
    """Return the last epoch told in ``metrics.jsonl``, from its end: the file may hold a million steps."""
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - _TAIL))
            lines = stream.read().splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        try:
            parsed = mapping(json.loads(line))
        except ValueError:
            continue
        epoch = number(parsed.get("epoch"))
        if epoch is not None:
            # within an epoch, only those before it are done
            return int(epoch) if parsed.get("kind") == "epoch" else max(0, int(epoch) - 1)
    return None
