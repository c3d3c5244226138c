"""Give each rung its weights: from a folder of files, and for ``offline`` ladders from all that is on this disk."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from toprung.errors import DataError, WeightsError
from toprung.ladder.climb.jobs import Child
from toprung.ladder.climb.ladder_file import ALL, Ladder, Rung
from toprung.ladder.climb.weights_found import FoundWeights, RecogniseJob, file_for, on_this_disk, weights_files
from toprung.ladder.display import Display


def with_weights(ladder: Ladder, folder: Path | None, display: Display) -> tuple[Ladder, dict[str, str]]:
    """Return the ladder with a rung for each weights file where it asks for that, and rung -> file of the folder.

    Args:
        ladder: as read.
        folder: of weights files, ``None`` for none.
        display: where to tell which rung got which file.

    Raises:
        WeightsError: no such folder, none in it, or an ``offline`` ladder for which there are no weights at all.
    """
    files = weights_files(folder) if folder is not None else ()
    rungs = [one for rung in ladder.rungs for one in (rung, *rung.candidates)]
    models = tuple(sorted({rung.model for rung in rungs if rung.model}))
    fits: Mapping[str, Sequence[str]] = {}
    published: Mapping[str, Sequence[str]] = {}
    if files:
        outcome = Child(RecogniseJob(files, models)).wait()
        if outcome.interrupted:
            raise KeyboardInterrupt
        if outcome.error:
            raise WeightsError(f"the files of {folder} cannot be looked into: {outcome.error}")
        fits, published = outcome.values["fits"], outcome.values["published"]
        for file in files:
            display.say(f"weights    {file.name}: {', '.join(fits.get(str(file), [])[:2]) or 'of no model known here'}")
    if any(rung.for_each for rung in ladder.rungs):
        ladder = _for_each(ladder, on_this_disk(files, fits))
    given: dict[str, str] = {}
    for rung in rungs:
        found = file_for(rung, files, fits, published.get(rung.model, ())) if rung.kind == "train" else None
        if found is not None and not rung.start:
            given[rung.name] = str(found)
            display.say(f"weights    rung {rung.name} starts from {found.name}")
    return ladder, given


def _for_each(ladder: Ladder, found: Sequence[FoundWeights]) -> Ladder:
    if not found:
        raise WeightsError(
            f"the ladder {ladder.name} climbs from weights on this disk, and none are known; "
            "name a folder of weights files with --weights-dir, or choose another --ladder."
        )
    rungs: list[Rung] = []
    names: dict[str, list[str]] = {}
    for rung in ladder.rungs:
        made = [_for_one(rung, weights, names) for weights in found] if rung.for_each else [rung]
        names[rung.name] = [one.name for one in made]
        rungs += made
    return replace(ladder, rungs=tuple(_renamed(rung, names) for rung in rungs))


def _for_one(rung: Rung, weights: FoundWeights, names: Mapping[str, Sequence[str]]) -> Rung:
    taken = {name for several in names.values() for name in several}
    stem = re.sub(r"[^A-Za-z0-9._-]", "-", f"{weights.model.partition('.')[0]}-{rung.name}")
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    return replace(rung, name=name, model=weights.model, weights=weights.weights, for_each="")


def _renamed(rung: Rung, names: Mapping[str, Sequence[str]]) -> Rung:
    """Let members and needs name all rungs that a name stands for."""

    def all_of(wanted: Sequence[str]) -> tuple[str, ...]:
        return tuple(one for name in wanted for one in ([ALL] if name == ALL else names.get(name, [name])))

    if rung.start in names and len(names[rung.start]) != 1:
        raise DataError(f"rung {rung.name} starts from {rung.start}, which stands for several rungs; use 'best'.")
    return replace(rung, members=all_of(rung.members), needs=all_of(rung.needs))
