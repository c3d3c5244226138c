"""Which run of a climb won: the best on the selection split, so that its score on the report split is not chosen."""

from __future__ import annotations

from typing import Any

from toprung.errors import RunError
from toprung.ladder.climb.record import DONE, ClimbRecord, val_score
from toprung.runs.folder import RunFolder


def choose_winner(record: ClimbRecord) -> dict[str, Any] | None:
    """Return rung and run of the winner, ``None`` where no rung finished.

    A fusion fits its weights on the selection split; its score there that counts is the cross-validated one, where its
    record holds one. Of equal accuracies the lower log-loss wins.
    """
    found: list[tuple[tuple[float, float], str, str]] = []
    for rung in record.rungs():
        if rung["status"] not in DONE:
            continue
        for run in record.finished_runs(rung["name"]):
            try:
                found.append((selection_score(run), rung["name"], run.path.name))
            except RunError:
                continue
    if not found:
        return None
    _, rung_name, run_name = max(found, key=lambda one: one[0])
    return {"rung": rung_name, "run": run_name, "chosen_on": "val"}


def selection_score(run: RunFolder) -> tuple[float, float]:
    """Return accuracy and minus log-loss by which a run is chosen.

    Raises:
        RunError: the run has no scores on the selection split.
    """
    own = run.record().get("selection_score")
    if isinstance(own, dict) and {"accuracy", "log_loss"} <= set(own):
        return float(own["accuracy"]), -float(own["log_loss"])
    return val_score(run)
