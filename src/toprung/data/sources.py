"""What a user points at -> pictures: with labels (`read_source`) or without (`list_pictures`)."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from toprung.data.folders import pictures_below, rows_of_folder
from toprung.data.lists import rows_of_csv, rows_of_parquet
from toprung.data.rows import Row, build_table, refuse_undecodable
from toprung.data.table import Table
from toprung.errors import DataError, nearest

_READERS = {
    ".csv": rows_of_csv,
    ".tsv": rows_of_csv,
    ".txt": rows_of_csv,
    ".parquet": rows_of_parquet,
    ".pq": rows_of_parquet,
}


def read_source(path: Path) -> Table:
    """Read labelled pictures from a folder of class folders, split folders, a CSV or a Parquet file.

    Files are found by name only; :func:`toprung.data.scan.scan` opens them. The rules of each layout stand in
    :mod:`toprung.data.folders` and :mod:`toprung.data.lists`, those of the class map in
    :mod:`toprung.data.rows`.

    Args:
        path: a folder, or a file ending in .csv, .tsv, .txt, .parquet or .pq.

    Returns:
        A table with absolute paths (links are kept, not resolved) and no hashes. Where the source gives no
        split, the split is ``""``.

    Raises:
        DataError: the source is missing, or its pictures and labels cannot be used as they are.
    """
    return build_table(read_rows(path), _absolute(path))


def read_rows(path: Path) -> list[Row]:
    """Return what a source says of each picture, before its classes are made one map; see :func:`read_source`.

    Raises:
        DataError: the source is missing or cannot be read.
    """
    place = _absolute(path)
    if place.is_dir():
        return rows_of_folder(place)
    if not place.exists():
        raise DataError(f"{path} does not exist; give a folder of pictures, a CSV or a Parquet file.{_near(place)}")
    reader = _READERS.get(place.suffix.lower())
    if reader is None:
        raise DataError(
            f"{path} is a file of an unknown kind; give a folder of class folders, or a file ending in "
            ".csv or .parquet."
        )
    return reader(place)


def list_pictures(paths: Iterable[Path | str]) -> list[Path]:
    """List pictures without labels.

    A file that is named counts whatever its extension (opening it tells what it is); in folders and their
    subfolders the extension decides; ``*``, ``?``, ``[]`` and ``**`` are expanded where the shell did not.

    Args:
        paths: files, folders and patterns.

    Returns:
        Paths as they were given (or below the given folder), each file once, sorted.

    Raises:
        DataError: a path does not exist, nothing is found, or a name is not UTF-8.
    """
    found: dict[Path, Path] = {}
    given = [Path(path) for path in paths]
    for path in given:
        for match in _matches(path):
            for picture in pictures_below(match) if match.is_dir() else [match]:
                found.setdefault(_absolute(picture), picture)
    if not found:
        raise DataError(f"no pictures in {', '.join(map(str, given)) or 'an empty list'}; give files or folders.")
    refuse_undecodable(list(found.values()))
    return sorted(found.values())


def _matches(path: Path) -> list[Path]:
    if path.exists():
        return [path]  # before globbing: "shoe [1].jpg" is a fine file name
    matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True))  # noqa: PTH207 - Path.glob refuses absolute patterns
    if not matches:
        raise DataError(f"{path} does not exist; give picture files or folders.{_near(_absolute(path))}")
    return matches


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would replace links by their targets


def _near(path: Path) -> str:
    """Return a hint at a sibling with a similar name."""
    try:
        return nearest(path.name, [sibling.name for sibling in path.parent.iterdir()], 1)
    except OSError:
        return ""
