"""Share units out among parts so that every class comes as near to its targets as whole units allow."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Unit:
    """Pictures that go to the same part.

    Attributes:
        key: a random number that orders units of equal size.
        rows: the pictures' rows in the table.
        counts: class index -> number of the unit's pictures of that class.
    """

    key: int
    rows: tuple[int, ...]
    counts: dict[int, int]

    @property
    def order(self) -> tuple[int, int]:
        """Largest first: big units fit only while the parts are empty. Then by key."""
        return (-len(self.rows), self.key)


def apportion(units: Sequence[Unit], targets: NDArray[np.float64]) -> list[list[Unit]]:
    """Give each unit to the part that would be the least full with it, the largest units first.

    How full a part is, is the mean over the unit's classes of (pictures of the class there) / (target),
    weighted by the share of the class that the unit holds. For units of one picture this is the
    Jefferson-D'Hondt method: parts fill up evenly, and integer targets that add up to the class's count are met
    exactly.

    Args:
        units: in any order; the result does not depend on it.
        targets: ``(parts, classes)`` wished numbers of pictures, 0 where a part wants none.

    Returns:
        One list of units per part.

    Source:
        Balinski & Young 1982, "Fair Representation", on divisor methods.
    """
    parts: list[list[Unit]] = [[] for _ in targets]
    totals = targets.sum(axis=0)
    wished = [[float(value) for value in row] for row in targets]
    have = [[0] * targets.shape[1] for _ in targets]
    pictures = [0] * len(parts)
    for unit in sorted(units, key=lambda unit: unit.order):

        def fullness(part: int, unit: Unit = unit) -> tuple[float, int, int]:
            full = 0.0
            for c, count in unit.counts.items():
                target = wished[part][c]
                after = (have[part][c] + count) / target if target > 0 else float("inf")
                full += count / max(totals[c], 1.0) * after
            return (
                full,
                pictures[part],
                part,
            )  # ties: the emptier part, so that no fold gets all odd pictures

        chosen = min(range(len(parts)), key=fullness)
        parts[chosen].append(unit)
        pictures[chosen] += len(unit.rows)
        for c, count in unit.counts.items():
            have[chosen][c] += count
    return parts


def only_holders(units: Sequence[Unit], elsewhere: Set[int]) -> list[Unit]:
    """Return the units without which some class would be gone (classes ``elsewhere`` are safe)."""
    holders: dict[int, list[Unit]] = {}
    for unit in units:
        for c in unit.counts:
            holders.setdefault(c, []).append(unit)
    return [unit for unit in units if any(len(holders[c]) == 1 and c not in elsewhere for c in unit.counts)]


def cover_train(parts: list[list[Unit]], targets: NDArray[np.float64], elsewhere: Set[int]) -> None:
    """Move units, in place, so that each class stands in part 0, and in the others where it has one to spare.

    Args:
        parts: part 0 is train.
        targets: ``(parts, classes)``; a part is not forced to hold a class whose target there is 0.
        elsewhere: classes that train holds already by other pictures.
    """
    missing = [c for c in range(targets.shape[1]) if c not in elsewhere | _classes(parts[0])]
    for c in missing:
        lent = [(unit, part) for part in parts[1:] for unit in _holding(part, c)]
        if lent and not _holding(parts[0], c):  # an earlier move may have brought the class along
            unit, part = min(lent, key=lambda pair: _smallest(pair[0]))
            part.remove(unit)
            parts[0].append(unit)
    for number, part in enumerate(parts[1:], start=1):
        wanted = {int(c) for c in np.flatnonzero(targets[number] > 0)}
        for c in sorted(wanted - _classes(part)):
            needed = {unit.key for unit in only_holders(parts[0], elsewhere)}
            spare = [unit for unit in _holding(parts[0], c) if unit.key not in needed]
            if spare and not _holding(part, c):
                unit = min(spare, key=_smallest)
                parts[0].remove(unit)
                part.append(unit)


def spread_over_folds(folds: list[list[Unit]], elsewhere: Set[int]) -> None:
    """Move units, in place, so that no class stands in one fold only, where it would miss in training."""
    present = [_classes(fold) for fold in folds]
    for c in sorted(set().union(*present) - elsewhere):
        holding = [fold for fold, classes in zip(folds, present, strict=True) if c in classes]
        if len(holding) > 1:
            continue
        units = sorted(_holding(holding[0], c), key=_smallest)
        if len(units) > 1:
            target = min((fold for fold in folds if fold is not holding[0]), key=_size)
            holding[0].remove(units[0])
            target.append(units[0])


def _smallest(unit: Unit) -> tuple[int, int]:
    return (len(unit.rows), unit.key)


def _size(fold: list[Unit]) -> int:
    return sum(len(unit.rows) for unit in fold)


def _classes(units: Sequence[Unit]) -> set[int]:
    return {c for unit in units for c in unit.counts}


def _holding(units: Sequence[Unit], c: int) -> list[Unit]:
    return [unit for unit in units if c in unit.counts]
