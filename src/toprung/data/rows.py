"""What a source says about each picture, and how that becomes a table with one class map."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toprung.data.table import SPLITS, Table
from toprung.errors import DataError, nearest

_SPLIT_NAMES = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
}
_UNDECODABLE = re.compile("[\ud800-\udfff]")  # what Python makes of a byte in a file name that is not UTF-8
_SHOWN = 3  # names listed in a message before "and n more"


@dataclass(frozen=True)
class Row:
    """One picture as a source lists it.

    Attributes:
        path: absolute path.
        label: class name.
        split: ``"train"``, ``"val"``, ``"test"``, or ``""`` when the source does not say.
        group: name of the group that must stay together, ``""`` for none.
    """

    path: Path
    label: str
    split: str = ""
    group: str = ""


def split_of(name: str) -> str | None:
    """Return the split that a name means (any case; valid, validation and dev mean val), ``None`` for none."""
    return _SPLIT_NAMES.get(name.strip().lower())


def plain(name: str) -> str:
    """Return a class name in Unicode's composed form (NFC).

    macOS stores "é" as two characters and Linux as one; the same class must not become two.
    """
    return unicodedata.normalize("NFC", name).strip()


def some(names: Sequence[object]) -> str:
    """Return "a, b, c and 7 more" for a message."""
    shown = ", ".join(str(name) for name in names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


def refuse_undecodable(paths: Sequence[Path]) -> None:
    """Refuse names that are no text, as old archives leave them: no CSV, JSON or page could hold them.

    Raises:
        DataError: naming the first.
    """
    bad = [path for path in paths if _UNDECODABLE.search(str(path))]
    if bad:
        shown = str(bad[0]).encode("utf-8", "replace").decode()
        raise DataError(
            f"{len(bad)} file names are not UTF-8, first {shown}; rename them, for example with "
            "`convmv -r -f latin1 -t utf8 --notest FOLDER`."
        )


def build_table(rows: Sequence[Row], source: Path) -> Table:
    """Make the table of a source's rows, in their order; a row that repeats another one counts once.

    The classes are those of the pictures that can be trained on (split train, or none yet), sorted by name as
    Python sorts text: by code point, so "Zebra" stands before "ant", and "10" before "9".

    Args:
        rows: what the source lists.
        source: named in messages.

    Raises:
        DataError: no rows, a name that is not UTF-8, one path with two labels or splits, fewer than two classes,
            nothing to train on, or a class of val or test that train lacks.
    """
    if not rows:
        raise DataError(f"{source} lists no pictures; add some for each class.")
    refuse_undecodable([row.path for row in rows])
    unique = _without_repeats(rows, source)
    trainable = {row.label for row in unique if row.split in {"train", ""}}
    if not trainable:
        present = ", ".join(split for split in SPLITS if any(row.split == split for row in unique))
        raise DataError(f"{source} has pictures for {present} but none to train on; add some for train.")
    classes = tuple(sorted(trainable))
    for row in unique:
        if row.label not in trainable:
            raise DataError(
                f"the class {row.label!r} stands in {row.split} but not in train (first {row.path}); add "
                f"pictures of it to train, or remove it.{nearest(row.label, classes, 1)}"
            )
    if len(classes) == 1:
        raise DataError(f"{source} has one class only, {classes[0]!r}, but a classifier needs two or more.")
    index = {name: i for i, name in enumerate(classes)}
    return Table(
        paths=tuple(row.path for row in unique),
        labels=np.array([index[row.label] for row in unique], dtype=np.int64),
        classes=classes,
        splits=tuple(row.split for row in unique),
        groups=tuple(row.group for row in unique),
    )


def _without_repeats(rows: Sequence[Row], source: Path) -> list[Row]:
    seen: dict[Path, Row] = {}
    for row in rows:
        first = seen.setdefault(row.path, row)
        for what, one, other in (
            ("labels", first.label, row.label),
            ("splits", first.split, row.split),
            ("groups", first.group, row.group),
        ):
            if one != other:
                raise DataError(
                    f"{source} lists {row.path} twice with different {what}, {one!r} and {other!r}; "
                    "keep one of the two rows."
                )
    return list(seen.values())
