"""All that a climb's page shows, as plain values for the template."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from toprung.errors import ToprungError
from toprung.evaluation.alignment import Aligned, align
from toprung.evaluation.calibration import reliability
from toprung.evaluation.intervals import wilson
from toprung.evaluation.label_errors import label_error_candidates
from toprung.evaluation.predictions import Predictions
from toprung.ladder.calibration_section import calibration_section
from toprung.ladder.charts import reliability_chart
from toprung.ladder.climb.advice import advise
from toprung.ladder.climb.ending import Ending, ending_lines, ending_of, finished_runs
from toprung.ladder.climb.page.chart import Point, climb_chart
from toprung.ladder.climb.page.cost import whole_cost
from toprung.ladder.climb.page.neighbours import neighbours
from toprung.ladder.climb.record import ClimbRecord
from toprung.ladder.reading import listing, mapping, number, read_json, text
from toprung.ladder.thumbnails import Thumbnails
from toprung.ladder.wording import p_words
from toprung.runs.folder import RunFolder

_GALLERY = 24


def gather(record: ClimbRecord) -> dict[str, Any]:
    """Return what the template shows; what is missing or damaged is named in ``problems``."""
    problems: list[str] = []
    content = record.content
    runs = _scored(finished_runs(record), problems)
    found = ending_of(record) if runs else None
    split = found.split if found else "test"
    said = {run.path.name: Predictions.read(run.predictions_file(split)) for run in runs}
    aligned = _aligned(list(said.values()), problems)
    thumbnail = Thumbnails(_base(content))
    winner = RunFolder(record.folder / found.winner) if found else None
    rows = [_row(run, split, found, whole_cost(run, runs)) for run in runs]
    return {
        "name": text(content.get("name")),
        "status": text(content.get("status")),
        "climb": content,
        "problems": problems,
        "split": split,
        "winner": next((row for row in rows if found and row["name"] == found.winner), None),
        "ending": ending_lines(record, found) if found else [],
        "looks": found.looks if found else 0,
        "chart": climb_chart([_point(row) for row in rows], split),
        "rows": sorted(rows, key=lambda row: -row["accuracy"]),
        "stopped": [_stopped(rung) for rung in record.rungs() if rung["status"] not in ("finished", "reused")],
        "neighbours": neighbours(runs, aligned, thumbnail) if aligned is not None else [],
        "doubtful": _doubtful(list(said.values()), len(runs), thumbnail),
        "reliability": _reliability(said[found.winner]) if found else None,
        "calibrated": calibration_section(winner, problems) if winner else None,
        "per_class": _per_class(aligned, [run.path.name for run in runs], found)
        if aligned is not None and found
        else [],
        "maps": _maps(record),
        "advice": [one.to_json() for one in advise(runs)],
        "commands": [_commands(rung) for rung in record.rungs() if rung["runs"]],
        "environment": _environment(record, problems),
        "health": _health(record, problems),
    }


def _scored(runs: Sequence[RunFolder], problems: list[str]) -> list[RunFolder]:
    """Return the runs that hold scores and predictions."""
    kept = []
    for run in runs:
        try:
            run.read_json(run.scores_file)
            Predictions.read(run.predictions_file("val"))
            kept.append(run)
        except ToprungError as error:
            problems.append(f"{run.path.name} is left out: {error}")
    return kept


def _aligned(said: Sequence[Predictions], problems: list[str]) -> Aligned | None:
    try:
        return align(said) if said else None
    except ToprungError as error:
        problems.append(str(error))
        return None


def _base(content: dict[str, Any]) -> Path | None:
    source = Path(text(content.get("source")) or ".")
    return source if source.is_dir() else source.parent


def _row(run: RunFolder, split: str, found: Ending | None, seconds: float) -> dict[str, Any]:
    record = run.record()
    scores = run.read_json(run.scores_file)
    own, val = mapping(scores.get(split)), mapping(scores.get("val"))
    accuracy = mapping(own.get("accuracy"))
    against = found.of(run.path.name) if found else None
    cost = mapping(record.get("prediction_cost"))
    return {
        "name": run.path.name,
        "model": text(record.get("model")),
        "accuracy": number(accuracy.get("value")) or 0.0,
        "low": number(accuracy.get("low")) or 0.0,
        "high": number(accuracy.get("high")) or 0.0,
        "right": accuracy.get("correct"),
        "pictures": own.get("pictures"),
        "log_loss": mapping(own.get("log_loss")).get("value"),
        "ece": mapping(own.get("ece")).get("value"),
        "val": mapping(val.get("accuracy")).get("value"),
        "seconds": seconds,
        "speed": number(cost.get("pictures_per_second")),
        "megabytes": number(cost.get("megabytes")),
        "parameters": record.get("parameters"),
        "device": text(cost.get("device")),
        "won": found is not None and run.path.name == found.winner,
        "tied": against is not None and against.p_value >= 0.05,
        "p": p_words(against.p_value) if against is not None else "",
        "difference": None if against is None else against.pair.accuracy.difference,
        "page": f"{run.path.name}/report.html" if run.report_file.is_file() else "",
    }


def _point(row: dict[str, Any]) -> Point:
    return Point(
        row["name"], max(row["seconds"], 1.0), row["accuracy"], row["low"], row["high"], row["won"], row["tied"]
    )


def _stopped(rung: dict[str, Any]) -> dict[str, str]:
    return {
        "name": text(rung.get("name")),
        "status": text(rung.get("status")),
        "why": text(rung.get("error")) or text(rung.get("reason")),
    }


def _doubtful(said: Sequence[Predictions], runs: int, thumbnail: Thumbnails) -> dict[str, Any]:
    """Return pictures whose label most rungs doubt."""
    if not said:
        return {}
    try:
        candidates = label_error_candidates(said, at_least=max(1, (runs + 1) // 2))
    except ToprungError:
        return {}
    return {
        "total": len(candidates),
        "of": runs,
        "cards": [
            {
                "uri": thumbnail(one.path),
                "path": one.path,
                "true": one.label,
                "taken": one.suggested,
                "agreement": one.agreement,
                "confidence": one.confidence,
            }
            for one in candidates[:_GALLERY]
        ],
    }


def _reliability(said: Predictions) -> Any:
    known = said.labels >= 0
    shares = said.probabilities[known]
    return reliability_chart(reliability(shares.max(axis=1), shares.argmax(axis=1) == said.labels[known]))


def _per_class(aligned: Aligned, names: Sequence[str], found: Ending) -> list[dict[str, Any]]:
    answers = aligned.probabilities.argmax(axis=2)
    winner, first = names.index(found.winner), names.index(found.first)
    rows = []
    for index, name in enumerate(aligned.classes):
        true = aligned.labels == index
        count = int(true.sum())
        right = int((answers[winner][true] == index).sum())
        told = int((answers[winner] == index).sum())
        low, high = wilson(right, count)
        rows.append(
            {
                "name": name,
                "pictures": count,
                "recall": right / count if count else None,
                "low": float(low),
                "high": float(high),
                "precision": right / told if told else None,
                "first": float(np.mean(answers[first][true] == index)) if count else None,
            }
        )
    return sorted(rows, key=lambda row: (row["recall"] is None, row["recall"]))


def _maps(record: ClimbRecord) -> list[dict[str, str]]:
    """Return the maps that were drawn when the climb ended."""
    import base64

    index = read_json(record.folder / "maps" / "index.json", [])
    found = []
    for one in map(mapping, listing(index.get("maps"))):
        file = record.folder / "maps" / Path(text(one.get("file"))).name
        if file.is_file():
            uri = "data:image/webp;base64," + base64.b64encode(file.read_bytes()).decode("ascii")
            found.append(
                {"uri": uri, **{name: text(one.get(name)) for name in ("path", "true", "taken", "method", "run")}}
            )
    return found


def _commands(rung: dict[str, Any]) -> dict[str, Any]:
    commands = mapping(rung.get("commands")) or {text(rung.get("name")): rung.get("command")}
    return {"name": text(rung.get("name")), "commands": [text(one) for one in commands.values() if text(one)]}


def _environment(record: ClimbRecord, problems: list[str]) -> dict[str, str]:
    run = RunFolder(record.folder)
    return {str(key): text(value) for key, value in read_json(run.environment_file, problems).items() if text(value)}


def _health(record: ClimbRecord, problems: list[str]) -> dict[str, int]:
    health = read_json(RunFolder(record.folder).health_file, problems)
    return {name: len(listing(health.get(name))) for name in ("leaks", "conflicts", "unreadable", "near_duplicates")}
