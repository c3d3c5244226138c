"""Compare two models or more by what they said of the same pictures."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toprung.errors import DataError, RunError
from toprung.evaluation.alignment import Aligned
from toprung.evaluation.comparison.counts import Count, CountComparison, compare_counts
from toprung.evaluation.comparison.multiple import against_the_best
from toprung.evaluation.comparison.paired import PairComparison, compare_aligned
from toprung.evaluation.comparison.seeds import SeedComparison, compare_seeds
from toprung.ladder.comparing.matching import matched
from toprung.ladder.comparing.sources import read_compared, seeds_of
from toprung.ladder.comparing.telling import count_lines, pair_lines, seed_lines
from toprung.storage import write_text


@dataclass(frozen=True)
class Comparison:
    """What came of comparing models.

    Attributes:
        names: of the models.
        aligned: what they said, in one order.
        pairs: (place of the first, of the second) -> the comparison; two models, or all against the best.
        adjusted: Holm's p-values of the pairs; empty for two models.
        seeds: of recipes that were run with several seeds, names and comparison.
        split: of the runs.
    """

    names: tuple[str, ...]
    aligned: Aligned
    pairs: dict[tuple[int, int], PairComparison]
    adjusted: dict[tuple[int, int], float]
    seeds: tuple[tuple[str, str, SeedComparison], ...]
    split: str

    def lines(self) -> list[str]:
        """Return what a person is told."""
        told = [f"{len(self.aligned.labels):,} pictures" + (f" of the {self.split} split" if self.split else "")]
        if self.adjusted:
            told.append(
                "All against the most accurate; p-values for all pairs together (Holm), as the best was picked here."
            )
        for (first, second), pair in self.pairs.items():
            told += ["", *pair_lines(self.names[first], self.names[second], pair, self.adjusted.get((first, second)))]
        for first_name, second_name, found in self.seeds:
            told += ["", *seed_lines(first_name, second_name, found)]
        return told

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "format": 1,
            "names": list(self.names),
            "split": self.split,
            "pairs": [
                {"first": self.names[first], "second": self.names[second]}
                | pair.to_json()
                | {"holm_p_value": self.adjusted.get((first, second))}
                for (first, second), pair in self.pairs.items()
            ],
            "seeds": [{"first": one, "second": two} | asdict(found) for one, two, found in self.seeds],
        }


def compare_models(
    places: Sequence[Path], *, split: str | None = None, common: bool = False, seed: int = 0
) -> Comparison:
    """Compare models: two with each other, more with the most accurate of them.

    Args:
        places: runs, files of predictions, or CSVs of other tools.
        split: of runs; ``None`` for test where there is one, else val.
        common: compare the pictures that all have, and leave the others out.
        seed: of the bootstrap.

    Raises:
        RunError, DataError: what is wrong with them, or pictures that are not the same.
    """
    if len(places) < 2:
        raise DataError(f"a comparison needs two models or more, and {len(places)} is given; name others.")
    compared = [read_compared(Path(place), split) for place in places]
    splits = {one.split for one in compared if one.split}
    if len(splits) > 1:
        raise RunError("some of the runs have a test split and some have val only; compare them with --split val.")
    names = _names([one.name for one in compared], places)
    aligned = matched(names, [one.predictions for one in compared], common=common)
    right = aligned.probabilities.argmax(axis=2) == aligned.labels
    adjusted: dict[tuple[int, int], float] = {}
    if len(compared) == 2:
        wanted = [(0, 1)]
    else:
        best, values = against_the_best(right)
        wanted = [(place, best) for place in range(len(compared)) if place != best]
        adjusted = {pair: values[pair[0]] for pair in wanted}
    return Comparison(
        names=names,
        aligned=aligned,
        pairs={pair: compare_aligned(aligned, *pair, seed=seed) for pair in wanted},
        adjusted=adjusted,
        seeds=_over_seeds([Path(place) for place in places], names, right),
        split=splits.pop() if splits else "",
    )


def write_changed(comparison: Comparison, file: Path) -> int:
    """Write the pictures that two models answer differently, as CSV, and return how many.

    Raises:
        RunError: the file exists.
        StorageError: full disk, or no permission.
    """
    if file.exists():
        raise RunError(f"{file} exists already and is never overwritten; give another name with --changed.")
    aligned, (first, second) = comparison.aligned, next(iter(comparison.pairs))
    answers = aligned.probabilities.argmax(axis=2)
    rows = np.flatnonzero(answers[first] != answers[second])
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["path", "label", comparison.names[first], comparison.names[second]])
    for row in rows:
        told = (aligned.classes[aligned.labels[row]], aligned.classes[answers[first, row]])
        writer.writerow([aligned.paths[row], *told, aligned.classes[answers[second, row]]])
    write_text(file, buffer.getvalue())
    return len(rows)


def compare_all_counts(texts: Sequence[str]) -> list[tuple[tuple[str, str], CountComparison]]:
    """Compare each count with the one after it, and of more than two the first with the last.

    Raises:
        DataError: a text that is no count, or fewer than two.
    """
    if len(texts) < 2:
        raise DataError(f"--counts compares two scores or more, such as 1238/1260 1239/1260; {len(texts)} is given.")
    counts = [Count.parse(text) for text in texts]
    pairs = list(zip(range(len(counts) - 1), range(1, len(counts)), strict=True))
    if len(counts) > 2:
        pairs.append((0, len(counts) - 1))
    return [((texts[a], texts[b]), compare_counts(counts[a], counts[b])) for a, b in pairs]


def told_counts(found: Sequence[tuple[tuple[str, str], CountComparison]]) -> list[str]:
    """Return what a person is told of counts."""
    seen: dict[str, str] = {}
    for (one, two), pair in found:
        for text, count in ((one, pair.first), (two, pair.second)):
            low, high = count.interval
            seen[text] = (
                f"{text:<16} {count.right:,} of {count.pictures:,}: {count.accuracy:.3%} ({low:.2%} … {high:.2%})"
            )
    return [*seen.values(), *(line for names, pair in found for line in ("", *count_lines(names, pair)))]


def _names(names: Sequence[str], places: Sequence[Path]) -> tuple[str, ...]:
    if len(set(names)) == len(names):
        return tuple(names)
    return tuple(str(place) for place in places)


def _over_seeds(
    places: list[Path], names: Sequence[str], right: np.ndarray
) -> tuple[tuple[str, str, SeedComparison], ...]:
    """Compare recipes of which at least one was run with several seeds, where there are two recipes."""
    recipes = seeds_of(places)
    groups: dict[int, list[int]] = {}
    for place, recipe in recipes.items():
        groups.setdefault(recipe, []).append(place)
    if len(groups) != 2 or all(len(group) == 1 for group in groups.values()):
        return ()
    first, second = groups.values()
    told = compare_seeds(right[first], right[second])
    return (("/".join(names[i] for i in first), "/".join(names[i] for i in second), told),)
