"""The selection side of a table: what may be learnt from and chosen on, without the report split."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from toprung.data.table_csv import read_table_csv, write_table_csv
from toprung.errors import DataError
from toprung.training.recipe import Recipe

REPORT = "test"


def write_selection(table_file: Path, target: Path) -> Path:
    """Write the rows of a split table that are not in the report split.

    What is trained on this file can neither see the report pictures nor leave predictions of them behind.

    Args:
        table_file: as :func:`toprung.data.table_csv.write_table_csv` wrote it.
        target: the file to write; the same rows always give the same file.

    Returns:
        ``target``.

    Raises:
        RunError: ``table_file`` is missing or damaged.
        DataError: there is no val split to choose on.
    """
    table = read_table_csv(table_file)
    if "val" not in table.splits:
        raise DataError(f"{table_file} has no val split, so there is nothing to choose on; give the pictures one.")
    kept = table.take([row for row, split in enumerate(table.splits) if split != REPORT])
    write_table_csv(target, kept, common_root(kept.paths))
    return target


def on_given_splits(recipe: Recipe) -> Recipe:
    """Return the recipe without the wish for a test split or folds: the table it is trained on has its splits."""
    return recipe.with_settings({"data.test_fraction": 0.0, "data.folds": 0, "data.fold": 0})


def common_root(paths: Sequence[Path]) -> Path:
    """Return the deepest folder that holds all the paths, for the ``root`` column of a table."""
    try:
        return Path(os.path.commonpath({str(path.parent) for path in paths}))
    except ValueError:  # two drives have no folder in common
        return Path(os.sep)
