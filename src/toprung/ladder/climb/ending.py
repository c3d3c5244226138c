"""What a climb came to: who won, by how much, whether that is real, what it costs, and what would do as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toprung.errors import ToprungError
from toprung.evaluation.alignment import align
from toprung.evaluation.comparison.multiple import holm
from toprung.evaluation.comparison.paired import PairComparison, compare_aligned
from toprung.evaluation.predictions import Predictions
from toprung.evaluation.significance import binomial_p
from toprung.ladder.climb.budget import duration
from toprung.ladder.climb.record import DONE, ClimbRecord
from toprung.ladder.climb.winner import selection_score
from toprung.runs.folder import RunFolder

LEVEL = 0.05


@dataclass(frozen=True)
class Against:
    """The winner against another run, on the report split.

    Attributes:
        run: name of the other.
        pair: the comparison; its first is the other, its second the winner.
        p_value: by Holm over all runs that the winner is compared with.
    """

    run: str
    pair: PairComparison
    p_value: float


@dataclass(frozen=True)
class Ending:
    """What a climb came to.

    Attributes:
        winner: name of the run that is best on the selection split.
        split: that it is reported on: ``test``, or ``val`` where there is no test.
        against: all other finished runs, in the order of the ladder.
        runner_up: name of the second best on the selection split, "" for none.
        first: name of the ladder's first finished run.
        cheaper: run that cannot be told apart from the winner and predicts the fastest, "" where none is faster.
        looks: runs and variants of runs that were scored on the split.
    """

    winner: str
    split: str
    against: tuple[Against, ...]
    runner_up: str
    first: str
    cheaper: str
    looks: int

    def of(self, name: str) -> Against | None:
        """Return the comparison with a run."""
        return next((one for one in self.against if one.run == name), None)


def finished_runs(record: ClimbRecord) -> list[RunFolder]:
    """Return all finished runs of a climb, in the ladder's order."""
    return [run for rung in record.rungs() if rung["status"] in DONE for run in record.finished_runs(rung["name"])]


def ending_of(record: ClimbRecord) -> Ending | None:
    """Compare the winner with all other runs on the report split; ``None`` where nothing finished.

    The winner was chosen on other pictures, so that its comparisons on these are as good as planned ones; Holm's
    correction is over their number.
    """
    winner = record.content.get("winner")
    runs = finished_runs(record)
    if not winner or not runs:
        return None
    names = [run.path.name for run in runs]
    split = "test" if all(run.predictions_file("test").is_file() for run in runs) else "val"
    by_val = sorted(runs, key=_selection, reverse=True)
    others = [run.path.name for run in by_val if run.path.name != winner["run"]]
    against = _against(runs, names.index(winner["run"]), split)
    return Ending(
        winner=str(winner["run"]),
        split=split,
        against=against,
        runner_up=others[0] if others else "",
        first=names[0],
        cheaper=_cheaper(runs, str(winner["run"]), against),
        looks=sum(len(_scored_on(run, split)) for run in runs),
    )


def ending_lines(record: ClimbRecord, found: Ending) -> list[tuple[str, str]]:
    """Return what a person is told: a word, and what it says."""
    run = RunFolder(record.folder / found.winner)
    scores = run.read_json(run.scores_file)[found.split]
    accuracy = scores["accuracy"]
    chosen = "chosen on val; " if found.split == "test" else "chosen on these same val pictures, so too good: "
    lines = [
        (
            "won",
            f"{found.winner}, {chosen}{found.split} {accuracy['value']:.2%} "
            f"({accuracy['low']:.1%} … {accuracy['high']:.1%}) of {scores['pictures']:,} pictures",
        )
    ]
    told: set[str] = set()
    for name, what in ((found.first, "first rung"), (found.runner_up, "second on val")):
        one = found.of(name)
        if one is not None and name not in told:
            told.add(name)
            lines.append(("gain", _against_words(one, what)))
    alike = [one.run for one in found.against if one.p_value >= LEVEL]
    if alike:
        lines.append(("alike", f"{', '.join(alike)}: not told apart from it by {scores['pictures']:,} pictures"))
    smallest = [one.pair.smallest_difference for one in found.against if one.pair.smallest_difference is not None]
    if smallest:
        lines.append(
            ("limits", f"differences below about {100 * float(np.median(smallest)):.1f} points cannot be shown here")
        )
    cost = _cost(run)
    if cost:
        speed = f"{cost['pictures_per_second']:,.0f} pictures a second on {cost['device']}"
        lines.append(("predicts", f"{speed}, {cost['megabytes']:,.0f} MB of weights"))
    if found.cheaper:
        other = _cost(RunFolder(record.folder / found.cheaper))
        times = other["pictures_per_second"] / cost["pictures_per_second"]
        lines.append(("cheaper", f"{found.cheaper} cannot be told apart from it and is {times:.1f} times as fast"))
    lines.append(("looks", f"{found.split} was looked at {found.looks} times, once for each run and variant"))
    lines.append(("took", duration(float(record.content.get("spent_seconds") or 0.0))))
    return lines


def _against(runs: Sequence[RunFolder], winner: int, split: str) -> tuple[Against, ...]:
    try:
        aligned = align([Predictions.read(run.predictions_file(split)) for run in runs])
    except ToprungError:
        return ()
    right = aligned.probabilities.argmax(axis=2) == aligned.labels
    others = [place for place in range(len(runs)) if place != winner]
    values = holm([_p(right[place], right[winner]) for place in others]) if others else []
    return tuple(
        Against(runs[place].path.name, compare_aligned(aligned, place, winner), value)
        for place, value in zip(others, values, strict=True)
    )


def _against_words(one: Against, what: str) -> str:
    pair = one.pair
    value = "p < 0.0001" if one.p_value < 1e-4 else f"p = {one.p_value:.2g}"
    verdict = "real" if one.p_value < LEVEL else "not shown to be real"
    return (
        f"over {one.run}, the {what}: {100 * pair.accuracy.difference:+.2f} points "
        f"({100 * pair.accuracy.low:+.2f} … {100 * pair.accuracy.high:+.2f}), {pair.second_only} gained, "
        f"{pair.first_only} lost, {value}: {verdict}"
    )


def _cheaper(runs: Sequence[RunFolder], winner: str, against: Sequence[Against]) -> str:
    speed = {run.path.name: _cost(run).get("pictures_per_second", 0.0) for run in runs}
    alike = [one.run for one in against if one.p_value >= LEVEL and speed[one.run] > 1.2 * speed[winner] > 0]
    return max(alike, key=lambda name: speed[name]) if alike else ""


def _scored_on(run: RunFolder, split: str) -> list[RunFolder]:
    """Return a run and its variants, as far as they were scored on a split."""
    variants = [RunFolder(file.parent) for file in sorted(run.path.glob("variants/*/run.json"))]
    return [one for one in (run, *variants) if one.predictions_file(split).is_file()]


def _cost(run: RunFolder) -> dict[str, Any]:
    found = run.record().get("prediction_cost")
    return found if isinstance(found, dict) else {}


def _selection(run: RunFolder) -> tuple[float, float]:
    try:
        return selection_score(run)
    except ToprungError:
        return (-1.0, 0.0)


def _p(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    return binomial_p(int((first & ~second).sum()), int((~first & second).sum()))
