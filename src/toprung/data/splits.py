"""Split pictures into train, val and test: stratified by class, whole groups, the same on every machine."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toprung.data.apportion import Unit, apportion, cover_train, only_holders, spread_over_folds
from toprung.data.clusters import Clusters
from toprung.data.table import SPLITS, Table
from toprung.errors import DataError, RecipeError
from toprung.seeding import derive_seed


@dataclass(frozen=True)
class _Plan:
    """What to make: shares of 0 make none of that split."""

    seed: int
    val_share: float
    test_share: float
    folds: int
    fold: int


def assign_splits(
    table: Table,
    *,
    seed: int,
    val_fraction: float = 0.2,
    test_fraction: float = 0.0,
    folds: int | None = None,
    fold: int = 0,
    together: Sequence[int] | NDArray[np.int64] | None = None,
) -> Table:
    """Give every picture a split; those that the source gave stay.

    What is split are the pictures without a split or, where there are none and val or a wished test is lacking,
    those of train. Pictures of one group, and of one cluster of ``together``, move as one unit; a picture
    without a split joins those of its unit that have one. Each class is shared out as nearly as its units
    allow (:func:`toprung.data.apportion.apportion`). Every class stands in train, and in val and test when
    it has a unit to spare; a unit that alone holds a class stays in train, in every fold.

    Which picture goes where depends on the seed, its class, and its path below the folder that holds all
    pictures: not on where that folder stands, on the order of the rows, or on the machine.

    Args:
        table: pictures, with or without splits.
        seed: another seed gives another split.
        val_fraction: share of each class for val, in (0, 1); used when the source has no val and ``folds`` is
            not set.
        test_fraction: share for test, in [0, 1); used when the source has no test.
        folds: cross-validation with so many folds, of which number ``fold`` is val. Test is set aside
            first and is the same for every fold.
        fold: which fold, 0-based.
        together: ``(N,)`` cluster numbers of near-duplicates that must not be separated, -1 for none.

    Returns:
        The same rows in the same order, with every split filled in.

    Raises:
        DataError: a class has one picture only and val must be made, a group stands in two given splits, or
            folds are asked of a source with its own val.
        RecipeError: a fraction, ``folds`` or ``fold`` outside its range.
    """
    _check_settings(val_fraction, test_fraction, folds, fold)
    _refuse_torn_groups(table)
    has_val, has_test = "val" in table.splits, "test" in table.splits
    if folds and has_val:
        raise DataError("the source has its own val split, so it cannot be cut into folds; leave out --folds.")
    plan = _Plan(
        seed=seed,
        val_share=0.0 if has_val else val_fraction,
        test_share=0.0 if has_test else test_fraction,
        folds=folds or 0,
        fold=fold,
    )
    clusters = _clusters(table, together)
    splits = _join_given(table.splits, clusters)
    pool = [row for row, split in enumerate(splits) if not split]
    if not pool and (not has_val or plan.test_share > 0):
        pool = [row for row, split in enumerate(splits) if split == "train"]
    if not has_val:
        _refuse_single_pictures(table, splits)
    if pool:
        for split, units in _share_out(table, pool, splits, clusters, plan):
            for unit in units:
                for row in unit.rows:
                    splits[row] = split
    return replace(table, splits=tuple(splits))


def _share_out(
    table: Table, pool: list[int], splits: Sequence[str], clusters: Clusters, plan: _Plan
) -> list[tuple[str, list[Unit]]]:
    """Return the splits and the units that go there."""
    pooled = set(pool)
    elsewhere = {
        int(label)
        for row, (label, split) in enumerate(zip(table.labels, splits, strict=True))
        if split == "train" and row not in pooled
    }
    units = _units(table, pool, clusters, plan.seed)
    kept = only_holders(units, elsewhere)
    keys = {unit.key for unit in kept}
    units = [unit for unit in units if unit.key not in keys]
    elsewhere |= {c for unit in kept for c in unit.counts}
    targets = _targets(table, units, elsewhere, 0.0 if plan.folds else plan.val_share, plan.test_share)
    train, val, test = parts = apportion(units, targets)
    cover_train(parts, targets, elsewhere)
    if not plan.folds:
        return [("train", kept), *zip(SPLITS, (train, val, test), strict=True)]
    single = only_holders(train, elsewhere)  # after test took its part
    keys = {unit.key for unit in single}
    train = [unit for unit in train if unit.key not in keys]
    elsewhere |= {c for unit in single for c in unit.counts}
    even = np.tile(_counts(table, train) / plan.folds, (plan.folds, 1))
    folds = apportion(train, even)
    spread_over_folds(folds, elsewhere)
    named = [("val" if number == plan.fold else "train", part) for number, part in enumerate(folds)]
    return [("train", kept), ("train", single), ("test", test), *named]


def _targets(
    table: Table, units: Sequence[Unit], elsewhere: set[int], val_share: float, test_share: float
) -> NDArray[np.float64]:
    """Return ``(3, classes)`` numbers of pictures wished for train, val and test; each column adds up."""
    counts = _counts(table, units)
    safe = np.isin(np.arange(len(table.classes)), list(elsewhere))
    free = np.where(safe, counts, np.maximum(counts - 1, 0))  # one stays in train unless train has the class
    val = _share(counts, val_share, free)
    test = _share(counts, test_share, free - val)
    return np.stack([counts - val - test, val, test])


def _share(counts: NDArray[np.float64], share: float, free: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rounded share of each class, at least 1 and at most what is free."""
    if share == 0:
        return np.zeros_like(counts)
    wanted = np.maximum(np.floor(counts * share + 0.5), 1)
    return np.minimum(wanted, free)


def _counts(table: Table, units: Sequence[Unit]) -> NDArray[np.float64]:
    counts = np.zeros(len(table.classes))
    for unit in units:
        for c, count in unit.counts.items():
            counts[c] += count
    return counts


def _clusters(table: Table, together: Sequence[int] | NDArray[np.int64] | None) -> Clusters:
    clusters = Clusters(len(table))
    clusters.join_equal(table.groups, alone="")
    if together is not None:
        if len(together) != len(table):
            raise ValueError(f"together has {len(together)} entries for {len(table)} pictures")
        clusters.join_equal([int(cluster) for cluster in together], alone=-1)
    return clusters


def _units(table: Table, pool: Sequence[int], clusters: Clusters, seed: int) -> list[Unit]:
    relative = _relative_names(table.paths)
    members: dict[int, list[int]] = {}
    for row in pool:
        members.setdefault(clusters.root(row), []).append(row)
    units = []
    for rows in members.values():
        labels = [int(table.labels[row]) for row in rows]
        draws = [
            derive_seed(seed, f"split/{table.classes[label]}/{relative[row]}")
            for row, label in zip(rows, labels, strict=True)
        ]
        units.append(Unit(min(draws), tuple(rows), dict(sorted(Counter(labels).items()))))
    return units


def _relative_names(paths: Sequence[Path]) -> list[str]:
    """Return each path below the folder that holds all, with ``/`` and in Unicode's composed form.

    So the split stays the same when the pictures move, to another folder, to Windows or to macOS.
    """
    parents = {str(path.parent) for path in paths}
    try:
        base = Path(os.path.commonpath(parents))
    except ValueError:  # two drives on Windows have no folder in common
        return [path.as_posix() for path in paths]
    return [unicodedata.normalize("NFC", path.relative_to(base).as_posix()) for path in paths]


def _join_given(splits: Sequence[str], clusters: Clusters) -> list[str]:
    """Give pictures without a split that of their unit; where it has several (a given leak), the first one."""
    joined = list(splits)
    for rows in clusters.lists():
        given = [split for split in SPLITS if any(splits[row] == split for row in rows)]
        for row in rows:
            if given and not splits[row]:
                joined[row] = given[0]
    return joined


def _check_settings(val_fraction: float, test_fraction: float, folds: int | None, fold: int) -> None:
    if not 0 < val_fraction < 1:
        raise RecipeError(f"val_fraction is {val_fraction} but must lie between 0 and 1.")
    if not 0 <= test_fraction < 1:
        raise RecipeError(f"test_fraction is {test_fraction} but must be at least 0 and below 1.")
    if val_fraction + test_fraction >= 1:
        raise RecipeError(
            f"val_fraction {val_fraction} and test_fraction {test_fraction} leave nothing to train on; "
            "their sum must be below 1."
        )
    if folds is not None and folds < 2:
        raise RecipeError(f"folds is {folds} but must be at least 2 (leave it out for a plain split).")
    if folds is not None and not 0 <= fold < folds:
        raise RecipeError(f"fold is {fold} but with {folds} folds it must be 0 to {folds - 1}.")


def _refuse_torn_groups(table: Table) -> None:
    first: dict[str, str] = {}
    for group, split in zip(table.groups, table.splits, strict=True):
        if group and split and first.setdefault(group, split) != split:
            raise DataError(
                f"the group {group!r} stands in {first[group]} and in {split}, but a group must stay in "
                "one split; move its pictures to one of them."
            )


def _refuse_single_pictures(table: Table, splits: Sequence[str]) -> None:
    """Refuse a class with one picture when val must be made of it."""
    rows = [row for row, split in enumerate(splits) if split in {"train", ""}]
    counts = np.bincount(table.labels[rows], minlength=len(table.classes))
    single = [name for name, count in zip(table.classes, counts, strict=True) if count == 1]
    if single:
        more = f" (and {len(single) - 1} more classes like it)" if len(single) > 1 else ""
        raise DataError(
            f"the class {single[0]!r} has one picture only{more}, which cannot be both trained on and "
            "validated on; add pictures of it, give a val split, or remove the class."
        )
