"""From what the user pointed at to a table that can be trained on, and an account of its health."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from toprung.data.health import HealthReport, duplicate_clusters, examine, refuse_leaks
from toprung.data.scan import PictureFacts, scan
from toprung.data.sources import read_source
from toprung.data.splits import assign_splits
from toprung.data.table import Table
from toprung.errors import DataError
from toprung.ladder.display import Display
from toprung.training.recipe import DataSettings


@dataclass(frozen=True)
class Pictures:
    """Readable, split pictures with their facts.

    Attributes:
        table: the readable pictures, every one in a split.
        facts: of the pictures in ``table``, row by row.
        health: of all pictures, the unreadable ones included.
        unreadable: facts of the files left out.
    """

    table: Table
    facts: tuple[PictureFacts, ...]
    health: HealthReport
    unreadable: tuple[PictureFacts, ...]


def gather(source: Path, settings: DataSettings, *, seed: int, display: Display) -> Pictures:
    """List, scan, and split the pictures of a source.

    Raises:
        DataError: the source cannot be used, or an unreadable file when those are refused.
        LeakFound: leaks, when those are refused.
    """
    listed = read_source(source)
    with display.reading("pictures") as progress:
        all_facts = scan(listed, threads=settings.threads or None, progress=progress)
    bad = tuple(facts for facts in all_facts if facts.reason is not None)
    if bad and settings.on_unreadable == "error":
        raise DataError(
            f"{len(bad)} of {len(all_facts)} files cannot be read, first {bad[0].path}: {bad[0].reason}; "
            "mend or remove them, or leave them out with --on-unreadable skip."
        )
    rows = [row for row, facts in enumerate(all_facts) if facts.reason is None]
    readable = listed.take(rows)
    facts = tuple(all_facts[row] for row in rows)
    _require_two_classes(readable)
    table = assign_splits(
        readable,
        seed=seed,
        val_fraction=settings.val_fraction,
        test_fraction=settings.test_fraction,
        folds=settings.folds or None,
        fold=settings.fold,
        together=duplicate_clusters(facts) if settings.keep_duplicates_together else None,
    )
    health = examine(table, all_facts)
    if settings.refuse_leaks:
        refuse_leaks(health)
    return Pictures(table, facts, health, bad)


def _require_two_classes(table: Table) -> None:
    gone = [name for index, name in enumerate(table.classes) if not (table.labels == index).any()]
    if gone:
        raise DataError(f"no picture of the class {gone[0]!r} can be read; mend its files or remove the class.")
