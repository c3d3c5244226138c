"""Lists of pictures: a CSV or Parquet file with the columns path and label, and perhaps split, group, root."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from toprung.data.rows import Row, plain, some, split_of
from toprung.errors import DataError

REQUIRED = ("path", "label")
OPTIONAL = ("split", "group", "root")
_DELIMITERS = (",", ";", "\t")


def rows_of_csv(file: Path) -> list[Row]:
    r"""Read a CSV file: UTF-8 (a byte order mark is fine), separated by ``,`` or ``;`` or tabs.

    Column names count in any case and order; other columns are ignored. Relative paths start at the CSV's
    folder, or at the row's ``root`` where that column is filled.

    Raises:
        DataError: not UTF-8, a missing column, an empty path or label, an unknown split, or a missing picture.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file} is not UTF-8 (byte {error.start}); save it as UTF-8, in Excel as 'CSV UTF-8'."
        ) from error
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror or error}.") from error
    if not text.strip():
        raise DataError(f"{file} is empty; it needs a first line path,label and a line per picture.")
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True))
    except csv.Error as error:
        raise DataError(f"{file} is not a well-formed CSV ({error}); check its quotes.") from error
    names = [name.strip().lower() for name in lines[0]]
    _require_columns(names, file)
    records = []
    for number, cells in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue  # a blank line, as at the end of many files
        if len(cells) != len(names):
            raise DataError(
                f"row {number} of {file} has {len(cells)} cells but the first line names {len(names)} "
                "columns; put names that contain the separator in double quotes."
            )
        records.append((number, dict(zip(names, cells, strict=True))))
    return _rows(records, file)


def rows_of_parquet(file: Path) -> list[Row]:
    """Read a Parquet file with the columns of :func:`rows_of_csv`; labels may be numbers.

    Raises:
        DataError: pyarrow is not installed, the file is damaged, or as for :func:`rows_of_csv`.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise DataError(f"reading {file} needs pyarrow; install it with: pip install 'toprung[parquet]'.") from error
    try:
        names = parquet.read_schema(file).names
        wanted = [name for name in names if name.strip().lower() in {*REQUIRED, *OPTIONAL}]
        table = parquet.read_table(file, columns=wanted)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"cannot read {file} as Parquet: {str(error).splitlines()[0]}.") from error
    _require_columns([name.strip().lower() for name in names], file)
    columns = {name.strip().lower(): table.column(name).to_pylist() for name in wanted}
    records = []
    for i in range(table.num_rows):
        cells = {name: "" if column[i] is None else str(column[i]) for name, column in columns.items()}
        records.append((i + 1, cells))
    return _rows(records, file)


def _delimiter(text: str) -> str:
    """Return the separator that makes the most known column names of the first line."""
    header = text.splitlines()[0]

    def known(delimiter: str) -> int:
        names = {name.strip().strip('"').lower() for name in header.split(delimiter)}
        return len(names & {*REQUIRED, *OPTIONAL})

    return max(_DELIMITERS, key=lambda delimiter: (known(delimiter), header.count(delimiter)))


def _require_columns(names: Sequence[str], file: Path) -> None:
    for name in REQUIRED:
        if name not in names:
            raise DataError(
                f"{file} has no column {name!r}; it has {', '.join(map(repr, names))}, and needs path and "
                "label (split and group if you like)."
            )
    twice = [name for name in (*REQUIRED, *OPTIONAL) if names.count(name) > 1]
    if twice:
        raise DataError(f"{file} has the column {twice[0]!r} more than once; rename one of them.")


def _rows(records: Sequence[tuple[int, Mapping[str, str]]], file: Path) -> list[Row]:
    rows = [_row(number, cells, file) for number, cells in records]
    missing = [row.path for row in rows if not row.path.is_file()]
    if missing:
        raise DataError(
            f"{len(missing)} of the {len(rows)} pictures that {file} lists do not exist: {some(missing)}; "
            f"relative paths start at {file.parent}."
        )
    return rows


def _row(number: int, cells: Mapping[str, str], file: Path) -> Row:
    path, label = cells["path"].strip(), plain(cells["label"])
    for name, value in (("path", path), ("label", label)):
        if not value:
            raise DataError(f"row {number} of {file} has an empty {name}; fill it in or remove the row.")
    given = cells.get("split", "").strip()
    split = split_of(given) if given else ""
    if split is None:
        raise DataError(f"row {number} of {file} has the split {given!r}; it must be train, val, test or empty.")
    place = _place(file, cells.get("root", ""), cells["path"])
    if not place.is_file():  # names may begin or end with spaces, but far more often a CSV has them after its commas
        place = _place(file, cells.get("root", "").strip(), path)
    return Row(place, label, split, cells.get("group", "").strip())


def _place(file: Path, root: str, path: str) -> Path:
    """Return the absolute path of a picture."""
    return Path(os.path.abspath(file.parent / root / path))  # noqa: PTH100 - resolve() would replace links
