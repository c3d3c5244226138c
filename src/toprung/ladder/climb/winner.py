"""Which run of a climb won: the best on the selection split, so that its score on the report split is not chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from toprung.errors import RunError
from toprung.evaluation.alignment import align
from toprung.evaluation.predictions import Predictions
from toprung.evaluation.significance import binomial_p
from toprung.ladder.climb.record import DONE, ClimbRecord, val_score
from toprung.runs.folder import RunFolder

LEVEL = 0.05


def choose_winner(record: ClimbRecord) -> dict[str, Any] | None:
    """Return rung and run of the winner, ``None`` where no rung finished.

    The most accurate run on val may be so by a few pictures of luck. So of all runs that McNemar's exact test cannot
    tell from it there, the one of the lowest log-loss wins: the log-loss hears of every picture how sure a run was,
    where the accuracy hears yes or no.

    A fusion fits its temperatures and weights on val; its scores that count are the cross-fitted ones, where its record
    holds them.
    """
    found: list[tuple[RunFolder, str, tuple[float, float]]] = []
    for rung in record.rungs():
        if rung["status"] not in DONE:
            continue
        for run in record.finished_runs(rung["name"]):
            try:
                found.append((run, rung["name"], selection_score(run)))
            except RunError:
                continue
    if not found:
        return None
    most = max(range(len(found)), key=lambda place: found[place][2])
    alike = _not_told_apart([run for run, _, _ in found], most)
    run, rung_name, _ = max((found[place] for place in alike), key=lambda one: one[2][1])
    return {"rung": rung_name, "run": run.path.name, "chosen_on": "val"}


def selection_score(run: RunFolder) -> tuple[float, float]:
    """Return accuracy and minus log-loss by which a run is chosen.

    Raises:
        RunError: the run has no scores on the selection split.
    """
    own = run.record().get("selection_score")
    if isinstance(own, dict) and {"accuracy", "log_loss"} <= set(own):
        return float(own["accuracy"]), -float(own["log_loss"])
    return val_score(run)


def _not_told_apart(runs: list[RunFolder], best: int) -> list[int]:
    """Return the places of the runs that cannot be told from the best on val; it alone where they cannot be paired."""
    try:
        aligned = align([Predictions.read(run.predictions_file("val")) for run in runs])
    except RunError:
        return [best]
    right: NDArray[np.bool_] = aligned.probabilities.argmax(axis=2) == aligned.labels
    return [
        place
        for place in range(len(runs))
        if binomial_p(int((right[best] & ~right[place]).sum()), int((~right[best] & right[place]).sum())) >= LEVEL
    ]
