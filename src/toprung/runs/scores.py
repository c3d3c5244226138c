"""The scores that a run holds."""

from __future__ import annotations

from typing import Any

from toprung.errors import RunError
from toprung.runs.folder import RunFolder


def stored_scores(run: RunFolder, split: str | None) -> dict[str, Any]:
    """Return a run's scores on one of its splits, with ``split`` added.

    Args:
        run: the folder.
        split: ``val`` or ``test``; ``None`` for test where there is one, else val.

    Raises:
        RunError: the run holds no scores yet, or none for this split.
    """
    if run.kind == "pretraining":
        raise RunError(f"{run.path} is a pretraining: an encoder without a classifier has no scores.")
    if not run.scores_file.is_file():
        status = run.record().get("status")
        raise RunError(f"{run.path} holds no scores yet: the run is {status}.")
    scores = run.read_json(run.scores_file)
    chosen = split or next((name for name in ("test", "val") if name in scores), "val")
    if chosen not in scores:
        raise RunError(f"{run.path} holds no scores for {chosen}; it holds {' and '.join(scores) or 'none'}.")
    return {"split": chosen} | scores[chosen]
