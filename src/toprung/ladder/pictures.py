"""From what the user pointed at to a table that can be trained on, and an account of its health."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from toprung.data.duplicates import duplicate_clusters
from toprung.data.health import HealthReport, examine, refuse_leaks
from toprung.data.scan import PictureFacts, scan
from toprung.data.splits import assign_splits
from toprung.data.table import SPLITS, Table
from toprung.errors import DataError
from toprung.ladder.display import Display
from toprung.training.settings import DataSettings


@dataclass(frozen=True)
class Pictures:
    """Readable, split pictures with their facts.

    Attributes:
        table: the readable pictures, every one in a split and with its content hash.
        facts: of the pictures in ``table``, row by row.
        health: of all pictures, the unreadable ones included.
        unreadable: facts of the files left out.
        given: the splits that the source gave; toprung made the others.
    """

    table: Table
    facts: tuple[PictureFacts, ...]
    health: HealthReport
    unreadable: tuple[PictureFacts, ...]
    given: tuple[str, ...]


def gather(listed: Table, settings: DataSettings, *, seed: int, display: Display) -> Pictures:
    """Scan and split listed pictures.

    Args:
        listed: from :func:`toprung.data.sources.read_source`.
        settings: of the recipe.
        seed: of the splits.
        display: where to show progress.

    Raises:
        DataError: an unreadable file when those are refused, a class or split of which nothing can be read, or a
            val or test that holds nothing but copies of training pictures.
        LeakFound: leaks, when those are refused.
    """
    pictures = look_through(listed, settings, seed=seed, display=display)
    refuse_copied_splits(pictures.table)
    if settings.on_unreadable == "error":
        refuse_unreadable(pictures.unreadable)
    if settings.refuse_leaks:
        refuse_leaks(pictures.health)
    return pictures


def look_through(listed: Table, settings: DataSettings, *, seed: int, display: Display) -> Pictures:
    """Do what :func:`gather` does, but leave the judgement on unreadable files and leaks to the caller.

    Raises:
        DataError: a class or split of which nothing can be read.
    """
    with display.reading("pictures") as progress:
        all_facts = scan(listed, threads=settings.threads or None, progress=progress)
    listed = replace(listed, hashes=tuple(facts.hash for facts in all_facts))
    rows = [row for row, facts in enumerate(all_facts) if facts.reason is None]
    readable, facts = listed.take(rows), tuple(all_facts[row] for row in rows)
    unreadable = tuple(facts for facts in all_facts if facts.reason is not None)
    _refuse_lost_parts(listed, readable, unreadable)
    together = duplicate_clusters(facts)
    table = assign_splits(
        readable,
        seed=seed,
        val_fraction=settings.val_fraction,
        test_fraction=settings.test_fraction,
        folds=settings.folds or None,
        fold=settings.fold,
        together=together if settings.keep_duplicates_together else None,
    )
    given = tuple(split for split in SPLITS if split in listed.splits)
    return Pictures(table, facts, examine(table, all_facts, together=together), unreadable, given)


def refuse_copied_splits(table: Table) -> None:
    """Refuse a val or test whose every picture is, byte for byte, a training picture.

    Raises:
        DataError: naming the split.
    """
    learnt = {content for content, split in zip(table.hashes, table.splits, strict=True) if split == "train"}
    for split in ("val", "test"):
        own = {content for content, given in zip(table.hashes, table.splits, strict=True) if given == split}
        if own and own <= learnt:
            raise DataError(
                f"every picture of {split} is a copy of a training picture, so its score would mean nothing; "
                f"give other pictures for {split}."
            )


def refuse_unreadable(unreadable: Sequence[PictureFacts]) -> None:
    """Stop when there are files that cannot be read.

    Raises:
        DataError: naming the first, with its reason.
    """
    if unreadable:
        files = "1 file" if len(unreadable) == 1 else f"{len(unreadable)} files"
        raise DataError(
            f"{files} cannot be read, first {unreadable[0].path}: {unreadable[0].reason}; "
            "mend or remove them, or leave them out with --on-unreadable skip."
        )


def _refuse_lost_parts(listed: Table, readable: Table, unreadable: Sequence[PictureFacts]) -> None:
    """Refuse to go on without a class to train on, or without a split that the source gave.

    A class of val that nothing was trained on, or a val cut from train because the given one is broken, would be
    another task than the user's, and nobody would know.
    """
    reasons = {facts.path: facts.reason for facts in unreadable}

    def first_reason(rows: Sequence[int]) -> str:
        path = next(listed.paths[row] for row in rows if listed.paths[row] in reasons)
        return f"first {path}: {reasons[path]}"

    trainable = [split in {"train", ""} for split in listed.splits]
    kept = {int(label) for label, split in zip(readable.labels, readable.splits, strict=True) if split in {"train", ""}}
    for index, name in enumerate(listed.classes):
        if index not in kept:
            rows = [row for row, train in enumerate(trainable) if train and listed.labels[row] == index]
            raise DataError(
                f"no picture of the class {name!r} that could be trained on can be read, {first_reason(rows)}; "
                "mend its files or remove the class."
            )
    for split in SPLITS:
        if split in listed.splits and split not in readable.splits:
            rows = [row for row, given in enumerate(listed.splits) if given == split]
            raise DataError(
                f"no picture of the split {split} can be read, {first_reason(rows)}; mend its files or remove it."
            )
