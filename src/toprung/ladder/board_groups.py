"""What a board says beyond its ranking: who cannot be told apart from the best, the spread of seeds, and the looks."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toprung.errors import ToprungError
from toprung.evaluation.alignment import align
from toprung.evaluation.comparison.multiple import against_the_best
from toprung.evaluation.comparison.power import smallest_paired_difference
from toprung.evaluation.predictions import Predictions
from toprung.ladder.board import BoardRow
from toprung.runs.folder import RunFolder

LEVEL = 0.05


@dataclass(frozen=True)
class SeedSpread:
    """Runs whose recipes differ by the seed alone.

    Attributes:
        names: of the runs.
        mean: of their accuracies.
        deviation: standard deviation (divisor S - 1).
    """

    names: tuple[str, ...]
    mean: float
    deviation: float


@dataclass(frozen=True)
class SplitFacts:
    """What is said of all runs that were scored on the same pictures of a split.

    Attributes:
        split: ``test`` or ``val``.
        pictures: how many.
        looks: runs that were scored on them; each saw the pictures once.
        smallest_difference: of accuracies, that would be shown in 80 % of cases at the disagreement of these runs;
            ``None`` where none would, or where there is nothing to compare.
        spreads: over seeds.
    """

    split: str
    pictures: int
    looks: int
    smallest_difference: float | None
    spreads: tuple[SeedSpread, ...]


def told_apart(rows: Sequence[BoardRow]) -> list[BoardRow]:
    """Return ranked rows with ``tied`` and ``p_value`` by paired tests, where predictions can be read.

    Rows scored on the best's pictures are compared by McNemar's exact test, with Holm's correction over all pairs.
    Where a run's predictions are missing, ``tied`` stays what the intervals say.
    """
    found = list(rows)
    for split in dict.fromkeys(row.split for row in rows if row.rank is not None):
        places = [
            i for i, row in enumerate(rows) if row.rank is not None and row.split == split and not row.other_pictures
        ]
        right = _right([rows[i] for i in places])
        if right is None:
            continue
        best, values = against_the_best(right)
        lead = next(place for place in range(len(places)) if rows[places[place]].rank == 1)
        if best != lead:  # of equal accuracies the board puts the lower log-loss first
            order = [lead, *(place for place in range(len(places)) if place != lead)]
            _, values = against_the_best(right[order])
            values = [values[order.index(place)] for place in range(len(places))]
        for place, value in zip(places, values, strict=True):
            if rows[place].rank != 1:
                found[place] = replace(rows[place], tied=value >= LEVEL, p_value=value)
    return found


def facts(rows: Sequence[BoardRow]) -> list[SplitFacts]:
    """Return what is said of each split's runs that share the best's pictures."""
    told = []
    for split in dict.fromkeys(row.split for row in rows if row.rank is not None):
        group = [row for row in rows if row.rank is not None and row.split == split and not row.other_pictures]
        told.append(SplitFacts(split, group[0].pictures, len(group), _smallest(group), tuple(_spreads(group))))
    return told


def _right(rows: Sequence[BoardRow]) -> NDArray[np.bool_] | None:
    """Return ``(k, n)`` right answers; ``None`` where a run's cannot be read."""
    if len(rows) < 2 or not all(row.picture_set for row in rows):
        return None
    try:
        said = [Predictions.read(RunFolder(Path(row.path)).predictions_file(row.split)) for row in rows]
        aligned = align(said)
    except ToprungError:
        return None
    right: NDArray[np.bool_] = aligned.probabilities.argmax(axis=2) == aligned.labels
    return right


def _smallest(rows: Sequence[BoardRow]) -> float | None:
    right = _right(rows)
    if right is None:
        return None
    lead = next(place for place, row in enumerate(rows) if row.rank == 1)
    shares = [float((right[lead] != right[place]).mean()) for place in range(len(rows)) if place != lead]
    return smallest_paired_difference(statistics.median(shares), right.shape[1])


def _spreads(rows: Sequence[BoardRow]) -> list[SeedSpread]:
    groups: dict[str, list[BoardRow]] = {}
    for row in rows:
        recipe = _without_seed(RunFolder(Path(row.path)).recipe_file)
        if recipe and "variants" not in Path(row.path).parts:
            groups.setdefault(recipe, []).append(row)
    found = []
    for group in groups.values():
        if len(group) < 2:
            continue
        values = [row.accuracy or 0.0 for row in group]
        names = tuple(sorted(row.name for row in group))
        found.append(SeedSpread(names, statistics.fmean(values), statistics.stdev(values)))
    return found


def _without_seed(file: Path) -> str:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    return "\n".join(line for line in lines if not line.startswith("seed ="))
