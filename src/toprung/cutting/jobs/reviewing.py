"""The review of a job: each photo's entry as it is done, the page in the end, and decisions solved as they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from toprung.cutting.jobs.journal import Journal
from toprung.cutting.jobs.one_photo import Order, cut_one
from toprung.cutting.result import Cutout
from toprung.cutting.review.choices import FILE, read_choices
from toprung.cutting.review.entry import FailedEntry, ReviewEntry
from toprung.cutting.review.pictures import write_entry
from toprung.errors import CutoutError


def note(out: Path, name: str, what: Any, files: tuple[str, ...]) -> None:
    """Write what the review shows of one photo.

    Args:
        out: the output folder.
        name: of the entry: the stem of the photo's files.
        what: the cutout, or a sentence saying why there is none.
        files: the photo's files, relative to ``out``.

    Raises:
        StorageError: the disk is full or the place is not writable.
    """
    if isinstance(what, str):
        write_entry(out, FailedEntry(name, what))
        return
    entry = ReviewEntry(
        name,
        what.photo.rgb,
        what.alpha,
        what.foreground,
        tuple(what.candidates),
        what.verdict,
        what.disagreement,
        what.chosen if any(candidate.name == what.chosen for candidate in what.candidates) else None,
        files,
    )
    write_entry(out, entry)


class _Latest:
    """Keeps the automatic cutout of the photo that a person is at, so that each stroke does not cut it out again."""

    def __init__(self) -> None:
        self._key = ""
        self._cut: Cutout | None = None

    def of(self, order: Order) -> Order:
        """Return the order with a cutter that answers from memory where it can."""

        def cutter(*pictures: Any, **settings: Any) -> Cutout:
            if self._cut is None or self._key != order.key:
                self._cut = None  # lets go of it before the next takes memory
                self._cut, self._key = order.cutter(*pictures, **settings), order.key
            return self._cut

        return replace(order, cutter=cutter)


class Resolver:
    """Solves a photo anew when a person has decided about it.

    Args:
        out: the output folder.
        orders: of the job's photos.
        journal: of the folder, which stays open meanwhile.
    """

    def __init__(self, out: Path, orders: Mapping[str, Order], journal: Journal) -> None:
        self._out = out
        self._orders = orders
        self._journal = journal
        self._automatic = _Latest()

    def __call__(self, name: str, certain_object: NDArray, certain_background: NDArray, picked: str | None) -> None:
        """Cut the photo out with the choice that was just saved in the folder.

        Raises:
            CutoutError: the photo is not one of this call, or there is no cutout for this choice.
        """
        if name not in self._orders:
            raise CutoutError(f"{name} is of an earlier call; repeat that one with --review to decide about it.")
        choices = read_choices(self._out / FILE) if (self._out / FILE).exists() else {}
        order = self._automatic.of(replace(self._orders[name], choice=choices.get(name)))
        self._journal.begin(order.key, order.stem, order.style.names(order.stem))
        outcome = cut_one(order)
        self._journal.finish(order.key, outcome.row, order.depends_on, outcome.inputs, outcome.files)
        if outcome.row.status == "error":
            raise CutoutError(" ".join(outcome.row.reasons))
