"""What changed from one run to the next: settings, and pictures won and lost."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from toprung.evaluation.alignment import Aligned
from toprung.evaluation.comparison.paired import compare_aligned
from toprung.ladder.thumbnails import Thumbnails
from toprung.ladder.wording import p_words
from toprung.runs.folder import RunFolder

_SHOWN = 8  # pictures each way
_NOT_TOLD = ("preset", "hardware.", "data.cache")
_SETTINGS = 18


def neighbours(runs: Sequence[RunFolder], aligned: Aligned, thumbnail: Thumbnails) -> list[dict[str, Any]]:
    """Return what the template shows of each run and the one after it in the ladder.

    Args:
        runs: finished, in the ladder's order.
        aligned: what they said of the report pictures, in the same order.
        thumbnail: path -> data URI.
    """
    answers = aligned.probabilities.argmax(axis=2)
    right = answers == aligned.labels
    found = []
    for place in range(1, len(runs)):
        before, after = runs[place - 1], runs[place]
        pair = compare_aligned(aligned, place - 1, place)
        won = np.flatnonzero(~right[place - 1] & right[place])
        lost = np.flatnonzero(right[place - 1] & ~right[place])
        found.append(
            {
                "before": before.path.name,
                "after": after.path.name,
                "difference": pair.accuracy.difference,
                "low": pair.accuracy.low,
                "high": pair.accuracy.high,
                "p": p_words(pair.p_value),
                "real": pair.p_value < 0.05,
                "won": len(won),
                "lost": len(lost),
                "settings": changed_settings(before, after),
                "won_pictures": [
                    _card(aligned, answers, row, place - 1, thumbnail) for row in _surest(aligned, won, place)
                ],
                "lost_pictures": [
                    _card(aligned, answers, row, place, thumbnail) for row in _surest(aligned, lost, place - 1)
                ],
            }
        )
    return found


def changed_settings(before: RunFolder, after: RunFolder) -> list[tuple[str, str, str]]:
    """Return dotted name, value before and value after of the settings that differ; "–" where there is none."""
    first, second = _flat(before), _flat(after)
    names = [*first, *(name for name in second if name not in first)]
    told = [
        (name, first.get(name, "–"), second.get(name, "–"))
        for name in names
        if first.get(name) != second.get(name) and not name.startswith(_NOT_TOLD)
    ]
    return told[:_SETTINGS]


def _flat(run: RunFolder) -> dict[str, str]:
    record = run.record()
    if record.get("kind") == "fusion":
        return {"fusion": str(record.get("method"))}
    try:
        content: Mapping[str, Any] = tomllib.loads(run.recipe_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    flat: dict[str, str] = {}
    for name, value in content.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": str(inner) for key, inner in value.items()}
        else:
            flat[name] = str(value)
    if isinstance(record.get("parents"), list):
        flat["average"] = str(record.get("method"))
    return flat


def _surest(aligned: Aligned, rows: np.ndarray, model: int) -> list[int]:
    """Return the rows on which a model is the surest of the true class, the surest first."""
    sure = aligned.probabilities[model, rows, aligned.labels[rows]]
    return [int(row) for row in rows[np.argsort(-sure, kind="stable")][:_SHOWN]]


def _card(aligned: Aligned, answers: np.ndarray, row: int, wrong: int, thumbnail: Thumbnails) -> dict[str, Any]:
    return {
        "uri": thumbnail(aligned.paths[row]),
        "path": aligned.paths[row],
        "true": aligned.classes[aligned.labels[row]],
        "taken": aligned.classes[answers[wrong, row]],
    }
