"""A table as a CSV file that comes back exactly, and that is a source of pictures itself."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from toprung.data.table import SPLITS, Table
from toprung.errors import RunError
from toprung.storage import write_text

COLUMNS = ("path", "label", "split", "group", "hash", "root")


def write_table_csv(file: Path, table: Table, source_root: Path) -> None:
    """Write a split table.

    A picture below the source's folder is named by its path from there, and that folder stands in the column
    ``root``; any other by its absolute path, with ``root`` empty. When the pictures move, a new ``root`` is all it
    takes. The file is UTF-8 with lines as in RFC 4180.

    Args:
        file: to write, in one step.
        table: every picture in a split.
        source_root: the folder, CSV or Parquet file that the pictures came from.

    Raises:
        ValueError: the classes are not those of train sorted by name, so they would come back in another order.
        StorageError: full disk, or no permission.
    """
    labels = [table.classes[label] for label in table.labels]
    if table.classes != _classes(labels, table.splits):
        raise ValueError(f"the classes {table.classes} are not the sorted classes of train")
    root = source_root.parent if source_root.is_file() else source_root
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for path, *cells in zip(table.paths, labels, table.splits, table.groups, table.hashes, strict=True):
        below = path.is_relative_to(root)
        writer.writerow((path.relative_to(root) if below else path, *cells, root if below else ""))
    write_text(file, text.getvalue())


def read_table_csv(file: Path) -> Table:
    """Read what :func:`write_table_csv` wrote; the pictures need not be there any more.

    Raises:
        RunError: missing, or damaged.
    """
    try:
        text = file.read_bytes().decode("utf-8")
        header, *lines = list(csv.reader(io.StringIO(text, newline=""), strict=True)) or [[]]
    except FileNotFoundError:
        raise RunError(f"{file} is missing; the run is not whole.") from None
    except OSError as error:
        raise RunError(f"cannot read {file}: {error.strerror or error}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise RunError(f"{file} is damaged: {error}.") from error
    if set(COLUMNS) - set(header):
        missing = next(name for name in COLUMNS if name not in header)
        raise RunError(f"{file} is damaged: it has no column {missing!r}.")
    rows = [_checked(number, header, cells, file) for number, cells in enumerate(lines, start=1)]
    return _table(rows, file)


def _checked(number: int, header: Sequence[str], cells: Sequence[str], file: Path) -> dict[str, str]:
    if len(cells) != len(header):
        raise RunError(f"{file} is damaged: row {number} has {len(cells)} cells instead of {len(header)}.")
    row = dict(zip(header, cells, strict=True))
    empty = next((name for name in ("path", "label") if not row[name]), None)
    if empty:
        raise RunError(f"{file} is damaged: row {number} has an empty {empty}.")
    if row["split"] not in SPLITS:
        raise RunError(f"{file} is damaged: row {number} has the split {row['split']!r}.")
    return row


def _table(rows: Sequence[Mapping[str, str]], file: Path) -> Table:
    labels, splits = [row["label"] for row in rows], [row["split"] for row in rows]
    index = {name: i for i, name in enumerate(_classes(labels, splits))}
    untrained = next((label for label in labels if label not in index), None)
    if not rows or untrained is not None:
        what = "it lists no pictures" if not rows else f"train lacks the class {untrained!r}"
        raise RunError(f"{file} is damaged: {what}.")
    return Table(
        paths=tuple(Path(row["root"], row["path"]) for row in rows),
        labels=np.array([index[label] for label in labels], dtype=np.int64),
        classes=tuple(index),
        splits=tuple(splits),
        groups=tuple(row["group"] for row in rows),
        hashes=tuple(row["hash"] for row in rows),
    )


def _classes(labels: Sequence[str], splits: Sequence[str]) -> tuple[str, ...]:
    """Return the class map, by the same rule as :func:`toprung.data.rows.build_table`."""
    return tuple(sorted({label for label, split in zip(labels, splits, strict=True) if split == "train"}))
