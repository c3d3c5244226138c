"""The health of a data set: what there is, what is broken, and which pictures stand there more than once."""

from __future__ import annotations

import csv
import io
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from toprung.data.duplicates import duplicate_clusters, rows_by_cluster, spread
from toprung.data.scan import PictureFacts
from toprung.data.table import SPLITS, Table
from toprung.errors import LeakFound
from toprung.storage import write_text

Kind = Literal["exact", "near"]
_NAMED = 3  # pairs in the message of an error


@dataclass(frozen=True)
class SamePicture:
    """Files that are one picture.

    Attributes:
        paths, labels, splits: of each file, in the table's order.
        kind: ``exact`` or ``near``. A leak is exact when two equal files stand in two splits, a conflict when
            two equal files have two labels; else it takes the eye to see it.
        distance: in how many of 64 bits the hashes of the two most different files differ.
    """

    paths: tuple[Path, ...]
    labels: tuple[str, ...]
    splits: tuple[str, ...]
    kind: Kind
    distance: int


@dataclass(frozen=True)
class Extent:
    """Least, median and greatest, in pixels."""

    min: int
    median: int
    max: int


@dataclass(frozen=True)
class HealthReport:
    """An account of all pictures of a source; they are counted where they can be read.

    Attributes:
        pictures: number of readable ones.
        classes: names, in the order of the class index.
        counts: split -> class -> pictures; only splits that have any.
        formats, modes: name -> pictures, the most frequent first; as they stand in the files.
        width, height: of the upright pictures.
        unreadable: path and reason.
        wrong_extension: path and true format.
        exact_duplicates: files with the same content.
        near_duplicates: pictures that look the same, their exact copies included.
        leaks: the same picture in two splits, exact ones first.
        conflicts: the same picture under two labels, exact ones first.
    """

    pictures: int
    classes: tuple[str, ...]
    counts: dict[str, dict[str, int]]
    formats: dict[str, int]
    modes: dict[str, int]
    width: Extent
    height: Extent
    unreadable: tuple[tuple[Path, str], ...]
    wrong_extension: tuple[tuple[Path, str], ...]
    exact_duplicates: tuple[SamePicture, ...]
    near_duplicates: tuple[SamePicture, ...]
    leaks: tuple[SamePicture, ...]
    conflicts: tuple[SamePicture, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values, as they stand in a run's ``data/health.json``."""
        return {
            "pictures": self.pictures,
            "classes": list(self.classes),
            "counts": self.counts,
            "formats": self.formats,
            "modes": self.modes,
            "width": asdict(self.width),
            "height": asdict(self.height),
            "unreadable": [{"path": str(path), "reason": reason} for path, reason in self.unreadable],
            "wrong_extension": [{"path": str(path), "format": name} for path, name in self.wrong_extension],
            "exact_duplicates": [_group(one) for one in self.exact_duplicates],
            "near_duplicates": [_group(one) | {"distance": one.distance} for one in self.near_duplicates],
            "leaks": [_group(one) | {"kind": one.kind} for one in self.leaks],
            "conflicts": [_group(one) | {"kind": one.kind} for one in self.conflicts],
        }


def examine(
    table: Table, all_facts: Sequence[PictureFacts], *, together: NDArray[np.int64] | None = None
) -> HealthReport:
    """Draw up the account.

    Args:
        table: the readable pictures, every one in a split.
        all_facts: of those and of the unreadable ones, in any order.
        together: what :func:`toprung.data.duplicates.duplicate_clusters` found for the rows of ``table``, where it
            is known already.
    """
    by_path = {facts.path: facts for facts in all_facts}
    facts = [by_path[path] for path in table.paths]
    clusters = rows_by_cluster(duplicate_clusters(facts) if together is None else together)
    copies = [rows for cluster in clusters for rows in _equal_files(cluster, facts) if len(rows) > 1]
    splits, labels = table.splits, [table.classes[label] for label in table.labels]

    def same(rows: Sequence[int], exact: bool) -> SamePicture:
        return SamePicture(
            paths=tuple(table.paths[row] for row in rows),
            labels=tuple(labels[row] for row in rows),
            splits=tuple(splits[row] for row in rows),
            kind="exact" if exact else "near",
            distance=spread([look for row in rows if (look := facts[row].look) is not None]),
        )

    def differing_in(column: Sequence[str]) -> tuple[SamePicture, ...]:
        found = [
            same(rows, any(_differ(equal, column) for equal in _equal_files(rows, facts)))
            for rows in clusters
            if _differ(rows, column)
        ]
        return tuple(sorted(found, key=lambda one: one.kind))

    return HealthReport(
        pictures=len(table),
        classes=table.classes,
        counts=_counts(table),
        formats=_frequencies(one.format for one in facts),
        modes=_frequencies(one.mode for one in facts),
        width=_extent(facts, lambda one: one.width),
        height=_extent(facts, lambda one: one.height),
        unreadable=tuple((one.path, one.reason) for one in all_facts if one.reason is not None),
        wrong_extension=tuple((one.path, one.format) for one in facts if one.wrong_extension),
        exact_duplicates=tuple(same(rows, True) for rows in copies),
        near_duplicates=tuple(same(rows, False) for rows in clusters if len(_equal_files(rows, facts)) > 1),
        leaks=differing_in(splits),
        conflicts=differing_in(labels),
    )


def refuse_leaks(health: HealthReport) -> None:
    """Stop when the same picture stands in two splits.

    Raises:
        LeakFound: naming the first pairs.
    """
    if not health.leaks:
        return
    pairs = "; ".join(_pair(leak) for leak in health.leaks[:_NAMED])
    more = f"; and {len(health.leaks) - _NAMED} more" if len(health.leaks) > _NAMED else ""
    raise LeakFound(
        f"{len(health.leaks)} {'picture stands' if len(health.leaks) == 1 else 'pictures stand'} in more than one "
        f"split, so a score would be too good: {pairs}{more}; keep each in one split only."
    )


def write_unreadable_csv(file: Path, facts: Iterable[PictureFacts]) -> None:
    """Write the files that cannot be read, each with its reason; without any, the header alone.

    Raises:
        StorageError: full disk, or no permission.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("path", "reason"))
    writer.writerows((str(one.path), one.reason) for one in facts if one.reason is not None)
    write_text(file, text.getvalue())


def _pair(leak: SamePicture) -> str:
    """Return the first two files of a leak that stand in different splits."""
    other = next(row for row, split in enumerate(leak.splits) if split != leak.splits[0])
    likeness = "is" if leak.kind == "exact" else "looks like"
    return f"{leak.paths[0]} ({leak.splits[0]}) {likeness} {leak.paths[other]} ({leak.splits[other]})"


def _group(one: SamePicture) -> dict[str, Any]:
    return {"paths": [str(path) for path in one.paths], "labels": list(one.labels), "splits": list(one.splits)}


def _equal_files(rows: Iterable[int], facts: Sequence[PictureFacts]) -> list[list[int]]:
    by_content: dict[str, list[int]] = {}
    for row in rows:
        by_content.setdefault(facts[row].hash, []).append(row)
    return list(by_content.values())


def _differ(rows: Iterable[int], column: Sequence[str]) -> bool:
    return len({column[row] for row in rows}) > 1


def _counts(table: Table) -> dict[str, dict[str, int]]:
    present = [split for split in SPLITS if split in table.splits]
    return {split: dict(zip(table.classes, map(int, table.counts(split)), strict=True)) for split in present}


def _frequencies(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0])))


def _extent(facts: Sequence[PictureFacts], side: Callable[[PictureFacts], int]) -> Extent:
    sides = [side(one) for one in facts]
    return Extent(min(sides), statistics.median_low(sides), max(sides))
