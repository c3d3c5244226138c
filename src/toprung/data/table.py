"""The table of pictures: what every room above `data` knows about a data set."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toprung.errors import DataError

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Table:
    """Pictures with their labels, splits and groups; immutable, row i of each column is picture i.

    Attributes:
        paths: absolute paths of the files.
        labels: ``(N,)`` int64 indices into ``classes``.
        classes: class names; the position is the class index. From the training split, sorted by name.
        splits: one of ``"train"``, ``"val"``, ``"test"`` each, or ``""`` where no split is given yet.
        groups: pictures of one group never stand in two splits; ``""`` means a group of its own.
        hashes: content hash of each file (BLAKE2b-128, hex), ``""`` until scanned.
    """

    paths: tuple[Path, ...]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    splits: tuple[str, ...]
    groups: tuple[str, ...] = field(default=())
    hashes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        count = len(self.paths)
        if not self.groups:
            object.__setattr__(self, "groups", ("",) * count)
        if not self.hashes:
            object.__setattr__(self, "hashes", ("",) * count)
        columns: dict[str, Sized] = {
            "labels": self.labels,
            "splits": self.splits,
            "groups": self.groups,
            "hashes": self.hashes,
        }
        for name, column in columns.items():
            if len(column) != count:
                raise DataError(f"table column {name!r} has {len(column)} rows but there are {count} paths")
        self.labels.setflags(write=False)

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> Table:
        """Return the table of these rows, in this order; the classes stay."""
        picked = [int(row) for row in rows]
        return replace(
            self,
            paths=tuple(self.paths[i] for i in picked),
            labels=self.labels[np.asarray(picked, dtype=np.int64)].copy(),
            splits=tuple(self.splits[i] for i in picked),
            groups=tuple(self.groups[i] for i in picked),
            hashes=tuple(self.hashes[i] for i in picked),
        )

    def split(self, name: str) -> Table:
        """Return the rows of one split, in table order."""
        return self.take([i for i, split in enumerate(self.splits) if split == name])

    def counts(self, split: str) -> NDArray[np.int64]:
        """Return ``(classes,)`` int64: pictures of each class in a split."""
        chosen = [label for label, name in zip(self.labels, self.splits, strict=True) if name == split]
        return np.bincount(np.asarray(chosen, dtype=np.int64), minlength=len(self.classes))
