"""Cut the selection side of a table into folds; the report split stays apart from all of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from toprung.data.duplicates import duplicate_clusters
from toprung.data.scan import scan
from toprung.data.splits import assign_splits
from toprung.data.table import Table
from toprung.data.table_csv import read_table_csv, write_table_csv
from toprung.errors import DataError
from toprung.ladder.climb.selection import REPORT, common_root
from toprung.ladder.display import Display

_ONE_OF_EACH = 1e-9  # a share so small that one picture of each class is taken


def fold_tables(table_file: Path, folds: int, target: Path, *, seed: int, display: Display) -> tuple[list[Path], Path]:
    """Write a table for each fold, and one for training on (nearly) all pictures.

    Near-duplicates and groups are never torn apart. A class that a single unit holds stays in train in every fold.

    Args:
        table_file: every picture in a split; those of test are in no fold.
        folds: how many, at least 2.
        target: folder of the tables.
        seed: of the folds.
        display: where to show progress.

    Returns:
        ``fold0.csv`` and so on, in which the fold is val; and ``all.csv``, in which val is one unit of each class.

    Raises:
        DataError: a picture cannot be read, or a class has one picture only.
        RecipeError: fewer than 2 folds.
    """
    table = read_table_csv(table_file)
    pool = table.take([row for row, split in enumerate(table.splits) if split != REPORT])
    pool = replace(pool, splits=("",) * len(pool))
    with display.reading("pictures") as progress:
        facts = scan(pool, threads=None, progress=progress)
    broken = next((one for one in facts if one.reason is not None), None)
    if broken is not None:
        raise DataError(f"{broken.path} cannot be read any more: {broken.reason}.")
    together = duplicate_clusters(facts)
    files = []
    for fold in range(folds):
        cut = assign_splits(pool, seed=seed, folds=folds, fold=fold, together=together)
        files.append(_write(target / f"fold{fold}.csv", cut))
    nearly_all = assign_splits(pool, seed=seed, val_fraction=_ONE_OF_EACH, together=together)
    return files, _write(target / "all.csv", nearly_all)


def _write(file: Path, table: Table) -> Path:
    write_table_csv(file, table, common_root(table.paths))
    return file
