"""Builds the folder of a climb as climbing leaves it, without training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.ladder.make_run import make_predictions
from toprung.evaluation.metrics import score
from toprung.evaluation.predictions import Predictions
from toprung.runs.folder import RunFolder

RECIPE = 'preset = "quick"\nseed = 0\n[model]\nname = "{model}"\n[optimisation]\nlr = {lr}\n'


def make_climb(
    folder: Path,
    names: Sequence[str] = ("first", "second", "third"),
    *,
    classes: Sequence[str] = ("ant", "bee", "cat"),
    pictures: int = 60,
    test: bool = True,
    stopped: Sequence[dict[str, Any]] = (),
) -> Path:
    """Write a finished climb whose runs get better and better, with pictures to show."""
    paths = _pictures(folder.parent / "pictures", pictures)
    rungs = []
    for number, name in enumerate(names):
        run = RunFolder.create(folder / name, _record(number, folder.parent / "pictures"))
        run.recipe_file.write_text(RECIPE.format(model=f"net{number}", lr=10.0**-number), encoding="utf-8")
        scores = {}
        for split in ("val", "test") if test else ("val",):
            drawn = make_predictions(classes, pictures, seed=number, skill=1.0 + number, kind=split)
            said = Predictions(tuple(map(str, paths)), drawn.hashes, drawn.labels, drawn.logits, drawn.classes)
            run.predictions_file(split).parent.mkdir(exist_ok=True)
            run.predictions_file(split).write_bytes(said.to_bytes())
            scores[split] = score(said)
        run.write_json(run.scores_file, scores)
        command = f"toprung train pictures --recipe {name}/recipe.toml"
        rungs.append(_rung(name, "finished") | {"runs": [name], "keys": ["k"], "command": command})
    rungs += [_rung(one["name"], one["status"]) | one for one in stopped]
    winner = {"rung": names[-1], "run": names[-1], "chosen_on": "val"} if names else None
    content = {
        "format": 1,
        "kind": "climb",
        "toprung": "0",
        "name": folder.name,
        "created": "2026-11-25T12:00:00+00:00",
        "finished": "2026-11-25T12:10:00+00:00",
        "status": "finished",
        "command": "toprung climb pictures",
        "source": str(folder.parent / "pictures"),
        "ladder": "mine",
        "budget_seconds": 900.0,
        "spent_seconds": 600.0,
        "seed": 0,
        "data_hash": "abc",
        "splits": {"train": 100, "val": pictures, "test": pictures if test else 0},
        "folds": 0,
        "rungs": rungs,
        "winner": winner,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "climb.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def _record(number: int, pictures: Path) -> dict[str, Any]:
    return {
        "status": "finished",
        "model": f"net{number}",
        "seconds": 30.0 * (number + 1),
        "parameters": 1_000_000,
        "data": {"path": str(pictures), "hash": "abc"},
        "prediction_cost": {"pictures_per_second": 100.0 / (number + 1), "megabytes": 4.0, "device": "cpu"},
    }


def _rung(name: str, status: str) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "train",
        "status": status,
        "runs": [],
        "keys": [],
        "reason": "",
        "error": "",
        "needs": [],
        "estimate_seconds": None,
        "seconds": 30.0,
        "memory_bytes": None,
        "command": "",
        "commands": {},
    }


def _pictures(folder: Path, count: int) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    paths = [folder / f"{number}.png" for number in range(count)]
    for path in paths:
        Image.fromarray(draw.integers(0, 255, (12, 12, 3), dtype=np.uint8)).save(path)
    return paths
