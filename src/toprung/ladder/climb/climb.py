"""Climb a ladder: rung after rung, each in a process of its own, all on disk, to be gone on with at any point."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toprung.errors import DataError
from toprung.ladder.climb.at_work import terminable
from toprung.ladder.climb.context import Context
from toprung.ladder.climb.devices import Device, settings_for
from toprung.ladder.climb.expanding import with_weights
from toprung.ladder.climb.finish import finish
from toprung.ladder.climb.ladder_file import Ladder
from toprung.ladder.climb.opening import gather_pictures, open_record
from toprung.ladder.climb.place import holding, place_of
from toprung.ladder.climb.planning import Planned, measure_speeds, planned_recipes
from toprung.ladder.climb.record import ClimbRecord
from toprung.ladder.climb.rounds import Rounds
from toprung.ladder.climb.telling import tell_plan
from toprung.ladder.display import Display
from toprung.ladder.origin import data_hash
from toprung.training.interrupt import Interrupted


@dataclass(frozen=True)
class Request:
    """What a person asked for.

    Attributes:
        source: labelled pictures.
        ladder: as read, before anything is laid over it.
        out: the climb's folder, ``None`` for a name below ``runs``.
        runs: where climbs stand.
        budget: seconds, ``None`` for the ladder's.
        weights_dir: folder of weights files that rungs start from.
        settings: dotted names to values, for every trained rung.
        seed: of split, order, augmentation and fresh weights.
        devices: where rungs run, side by side.
        folds: train every rung by so many folds; 0 for once.
        final: what becomes of the folds' models: ``ensemble`` or ``refit``.
    """

    source: Path
    ladder: Ladder
    out: Path | None = None
    runs: Path = Path("runs")
    budget: float | None = None
    weights_dir: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    devices: Sequence[Device] = (Device(),)
    folds: int = 0
    final: str = "ensemble"

    @property
    def seconds(self) -> float | None:
        """The budget: the one asked for, else the ladder's."""
        return self.budget if self.budget is not None else self.ladder.budget


def climb(request: Request, display: Display) -> ClimbRecord:
    """Climb a ladder into its folder; what is there already, unchanged, is reused, and what was interrupted goes on.

    Raises:
        Interrupted: Ctrl-C or a termination signal; everything is saved.
        ToprungError: the pictures, the ladder, the weights' folder or the place cannot be used. A rung that fails does
            not raise: its error stands in the record.
    """
    began = time.monotonic()
    folder = place_of(request.out, request.runs, request.ladder.name, request.source)
    with holding(folder), terminable():
        try:
            context = _prepared(request, folder, display)
            rounds = Rounds(context, request.devices, request.seconds, began, display)
            _plan(context, request, rounds, display)
            rounds.climb()
            finish(context.record, display)
        except KeyboardInterrupt:
            with_record = (folder / "climb.json").is_file()
            if with_record:
                ClimbRecord.open(folder).update(status="interrupted")
            again = f"toprung climb --resume {folder}" if with_record else "the same command"
            raise Interrupted(f"the climb was stopped; continue with: {again}") from None
    return context.record


def dry_run(request: Request, display: Display) -> dict[str, Planned]:
    """Tell what a climb would do and how long it would take; nothing is written.

    Raises:
        ToprungError: as :func:`climb`.
    """
    folder = place_of(request.out, request.runs, request.ladder.name, request.source)
    try:
        context = _context(request, folder, display, keep=False)
        planned = measure_speeds(planned_recipes(context), context)
    except KeyboardInterrupt:
        raise Interrupted("stopped; nothing was written.") from None
    tell_plan(context, planned, request.seconds, display)
    return planned


def _prepared(request: Request, folder: Path, display: Display) -> Context:
    context = _context(request, folder, display, keep=True)
    display.say(f"climb      {folder}")
    return context


def _context(request: Request, folder: Path, display: Display, *, keep: bool) -> Context:
    shared, forced = request.ladder.settings, {**settings_for(request.devices), **request.settings}
    pictures = gather_pictures(request.source, {**shared, **forced}, request.seed, folder, display)
    if not len(pictures.table.split("val")):
        raise DataError("a climb chooses among its rungs on validation pictures, and there are none.")
    ladder, given = with_weights(request.ladder, request.weights_dir, display)
    record = open_record(request, ladder, folder, pictures, write=keep)
    return Context(
        ladder,
        record,
        pictures,
        data_hash(pictures.table),
        shared,
        forced,
        request.seed,
        given,
        folds=request.folds,
        final=request.final,
    )


def _plan(context: Context, request: Request, rounds: Rounds, display: Display) -> None:
    """Measure speeds where a budget must be kept, and tell the plan."""
    planned = planned_recipes(context)
    if request.seconds is not None:
        display.say("plan       a few steps of each rung are timed on this machine")
        planned = measure_speeds(planned, context)
        context.record.save()
        tell_plan(context, planned, rounds.remaining, display)
    rounds.planned = planned
