"""On which pictures an average is chosen, and on which others it is scored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from toprung.data.rows import Row
from toprung.data.scan import scan
from toprung.data.sources import read_rows
from toprung.data.splits import assign_splits
from toprung.data.table import Table
from toprung.data.table_csv import read_table_csv
from toprung.errors import DataError, RunError, nearest
from toprung.evaluation.predictions import Predictions
from toprung.ladder.averaging.parents import Parent
from toprung.ladder.display import Display
from toprung.runs.folder import RunFolder

SELECTION, REPORT = "val", "test"


@dataclass(frozen=True)
class Pictures:
    """The pictures of an average.

    Attributes:
        table: with training pictures (for BatchNorm), val (selection) and test (report), or only one of the two.
        root: the folder or file that they came from.
        given: the user named them; otherwise they are those of the first run.
        halved: val and test are two halves of what was one split.
        notes: what a reader of the scores must know, sentence by sentence.
        how_chosen: what the scored pictures had to do with choosing, one sentence for the page.
    """

    table: Table
    root: Path
    given: bool
    halved: bool
    notes: tuple[str, ...]
    how_chosen: str

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits to score: val, test, or both."""
        return tuple(split for split in (SELECTION, REPORT) if split in self.table.splits)


def gather_pictures(
    parents: Sequence[Parent], source: Path | None, *, selects: bool, seed: int, display: Display
) -> Pictures:
    """Return the pictures to choose and to score on.

    Those of the first parent that is a run, or the ones that the user named. Pictures that any parent was trained on
    are neither chosen nor scored on: they count as training pictures. Where something is to be chosen and only one
    of val and test is there, it is cut into halves, by class, always the same.

    Args:
        parents: at least one of them a run or a saved model.
        source: labelled pictures, ``None`` for the first run's.
        selects: whether something is to be chosen.
        seed: of the halves.
        display: where to show progress.

    Raises:
        DataError: unusable pictures, or none left to score on.
        RunError: no parent is a run, so that nobody knows the pictures.
    """
    base = next((parent.run for parent in parents if parent.run is not None), None)
    if base is None:
        raise RunError(
            "none of the models is a run, so their training pictures and recipe are not known; name a run among them, "
            "or write the weights alone with --out FILE.safetensors."
        )
    table = read_table_csv(base.table_file)
    root, notes = _root(base), list[str]()
    if source is not None:
        table, unreadable = _with_given(table, source, display)
        root = source.resolve()
        if unreadable:
            notes.append(
                f"{len(unreadable)} of the given pictures cannot be read and are left out, first {unreadable[0]}"
            )
    # Leaks within the first run's own splits stay: its page tells of them, and its scores are compared.
    spared = set(table.split("train").hashes) if source is None else set()
    table, learnt = _without_learnt(table, parents, spared)
    notes += learnt
    if not {SELECTION, REPORT} & set(table.splits):
        raise DataError("there are no pictures to score on that none of the models was trained on; give --pictures.")
    halved = selects and not {SELECTION, REPORT} <= set(table.splits)
    if halved:
        table = _halved(table, seed)
        notes.append("there is one split only: it is cut into halves, val to choose on and test to report on")
    seen = _seen_in_choosing(table, parents)
    return Pictures(table, root, source is not None, halved, tuple(notes), _how_chosen(selects, seen))


def _root(run: RunFolder) -> Path:
    return Path(run.record().get("data", {}).get("path", ""))


def _with_given(table: Table, source: Path, display: Display) -> tuple[Table, list[str]]:
    """Return the run's training pictures with the given ones to score on, and why some of these are left out.

    Of a source with splits its val and test count; one without is wholly to be scored on.
    """
    rows = [row for row in read_rows(source) if row.split != "train"]
    if not rows:
        raise DataError(f"{source} holds training pictures only; give pictures to score on.")
    given = Table(
        paths=tuple(row.path for row in rows),
        labels=np.array([_label(row, table.classes) for row in rows], dtype=np.int64),
        classes=table.classes,
        splits=tuple(row.split or REPORT for row in rows),
        groups=tuple(row.group for row in rows),
    )
    with display.reading("pictures") as progress:
        facts = scan(given, progress=progress)
    given = replace(given, hashes=tuple(one.hash for one in facts))
    given = given.take([row for row, one in enumerate(facts) if one.reason is None])
    return _joined(table.split("train"), given), [one.reason for one in facts if one.reason is not None]


def _label(row: Row, classes: Sequence[str]) -> int:
    if row.label not in classes:
        raise DataError(
            f"the models do not know the class {row.label!r} (first {row.path}); they know "
            f"{', '.join(classes[:12])}.{nearest(row.label, classes, 1)}"
        )
    return classes.index(row.label)


def _joined(first: Table, second: Table) -> Table:
    return Table(
        paths=first.paths + second.paths,
        labels=np.concatenate([first.labels, second.labels]),
        classes=first.classes,
        splits=first.splits + second.splits,
        groups=first.groups + second.groups,
        hashes=first.hashes + second.hashes,
    )


def _without_learnt(table: Table, parents: Sequence[Parent], spared: set[str]) -> tuple[Table, list[str]]:
    """Count pictures to score on as training pictures where a parent was trained on them.

    Args:
        table: the pictures.
        parents: those of no run have nothing to tell.
        spared: contents that stay where they are.
    """
    trained = set(table.split("train").hashes)
    splits, notes = list(table.splits), []
    for parent in parents:
        if parent.run is None:
            continue
        learnt = set(read_table_csv(parent.run.table_file).split("train").hashes) - spared - {""}
        found = [i for i, content in enumerate(table.hashes) if splits[i] != "train" and content in learnt]
        if found:
            notes.append(f"{len(found)} pictures are left out of the scores: {parent.name} was trained on them")
        for place in found:
            splits[place] = "train"
    marked = replace(table, splits=tuple(splits))
    copies = [
        old != new and content in trained for old, new, content in zip(table.splits, splits, table.hashes, strict=True)
    ]
    return marked.take([row for row, is_copy in enumerate(copies) if not is_copy]), notes


def _halved(table: Table, seed: int) -> Table:
    """Cut the one split that there is into val and test, each class in halves, groups and equal files together."""
    rows = [row for row, split in enumerate(table.splits) if split != "train"]
    counts = Counter(int(table.labels[row]) for row in rows)
    cut = [row for row in rows if counts[int(table.labels[row])] > 1]
    splits = list(table.splits)
    for row in rows:
        splits[row] = SELECTION
    if cut:
        part = table.take(cut)
        numbers = {content: number for number, content in enumerate(dict.fromkeys(part.hashes))}
        halves = assign_splits(
            replace(part, splits=("",) * len(part)),
            seed=seed,
            val_fraction=0.5,
            together=[numbers[content] if content else -1 for content in part.hashes],
        )
        for row, half in zip(cut, halves.splits, strict=True):
            splits[row] = REPORT if half == "val" else SELECTION
    if REPORT not in splits:
        raise DataError(
            f"{len(rows)} pictures cannot be cut into one part to choose on and another to report on; "
            "give more with --pictures."
        )
    return replace(table, splits=tuple(splits))


def _seen_in_choosing(table: Table, parents: Sequence[Parent]) -> bool:
    """Say whether the pictures that are reported on took part in choosing a parent's epoch."""
    reported = set(table.split(REPORT if REPORT in table.splits else SELECTION).hashes)
    for parent in parents:
        if parent.run is None:
            continue
        file = parent.run.predictions_file("val")
        if file.is_file() and reported & set(Predictions.read(file).hashes):
            return True
    return False


def _how_chosen(selects: bool, seen: bool) -> str:
    if seen and selects:
        return (
            "The average was chosen on other pictures than these, but the epochs of its parents were chosen on these "
            "too, so the score is slightly optimistic, and theirs as much."
        )
    if seen:
        return (
            "The epochs of the averaged models were chosen on these same pictures, so the score is slightly "
            "optimistic, and theirs as much."
        )
    return "These pictures took no part in training, in choosing an epoch, or in choosing the average."
