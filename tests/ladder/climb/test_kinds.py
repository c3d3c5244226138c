"""Rungs that search, that halve, and climbs by folds: what they make, and that they are reused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import toprung
from tests.pictures import make_pictures
from toprung.evaluation.predictions import Predictions
from toprung.ladder.climb.api import Climb
from toprung.runs.folder import RunFolder

HEAD = """
description = "Tiny."
settings = {"data.cache" = "off", "model.img_size" = 32, "hardware.precision" = "fp32", "optimisation.batch_size" = 8}
"""
NET = """
[[rung]]
name = "net"
model = "test_resnet"
weights = "none"
preset = "quick"
settings = {"schedule.epochs" = 2}
"""
SEARCH = """
search = {trials = 3, "optimisation.base_lr" = {low = 1e-5, high = 1e-2, log = true}}
"""
HALVING = """
[[rung]]
name = "choice"
kind = "halving"
keep = 1
settings = {"schedule.epochs" = 3}
[[rung.candidates]]
name = "slow"
model = "test_resnet"
weights = "none"
preset = "quick"
settings = {"optimisation.lr" = 1e-7}
[[rung.candidates]]
name = "fast"
model = "test_resnet"
weights = "none"
preset = "quick"
settings = {"optimisation.lr" = 3e-3}
"""
FUSION = """
[[rung]]
name = "other"
model = "test_resnet"
weights = "none"
preset = "quick"
settings = {"schedule.epochs" = 1, "optimisation.lr" = 2e-3}
[[rung]]
name = "swa"
from = "net"
preset = "swa"
[[rung]]
name = "fusion"
kind = "fusion"
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("pictures"), per_class=20)


def climb(pictures: Path, folder: Path, text: str, **options: object) -> Climb:
    """Climb a ladder below a folder."""
    file = folder / "mine.toml"
    file.write_text(HEAD + text, encoding="utf-8")
    return toprung.climb(pictures, ladder=str(file), runs=folder / "runs", progress=False, **options)  # type: ignore[arg-type]


def statuses(found: Climb) -> dict[str, str]:
    """Return rung -> status."""
    return {rung["name"]: rung["status"] for rung in found.record["rungs"]}


def test_a_rung_searches_before_it_trains(pictures: Path, tmp_path: Path) -> None:
    found = climb(pictures, tmp_path, NET + SEARCH)
    assert statuses(found) == {"net": "finished"}
    trials = sorted((found.path / "net-search" / "trials").glob("0*"))
    assert len(trials) == 3
    assert not any((trial / "predictions" / "test.npz").exists() for trial in trials)
    assert found.runs["net"].predictions("test")
    accuracies = {}
    for trial in trials:
        run = RunFolder(trial)
        if run.record()["status"] == "finished":
            scores = run.read_json(run.scores_file)["val"]
            accuracies[toprung.Recipe.read(run.recipe_file).optimisation.base_lr] = scores["accuracy"]["value"]
    assert accuracies[found.runs["net"].recipe.optimisation.base_lr] == max(accuracies.values())
    assert statuses(climb(pictures, tmp_path, NET + SEARCH)) == {"net": "reused"}


def test_halving_keeps_what_learns(pictures: Path, tmp_path: Path) -> None:
    found = climb(pictures, tmp_path, HALVING + '[[rung]]\nname = "swa"\nfrom = "choice"\npreset = "swa"\n')
    assert statuses(found) == {"choice": "finished", "swa": "finished"}
    assert list(found.runs) == ["choice-fast", "swa"]
    assert found.runs["choice-fast"].recipe.schedule.epochs == 3
    assert (found.path / "choice" / "halving.json").is_file()
    assert not list((found.path / "choice").rglob("test.npz"))
    again = climb(pictures, tmp_path, HALVING + '[[rung]]\nname = "swa"\nfrom = "choice"\npreset = "swa"\n')
    assert statuses(again) == {"choice": "reused", "swa": "reused"}
    assert list(again.runs) == ["choice-fast", "swa"]


def test_a_climb_by_folds_predicts_every_picture_once(pictures: Path, tmp_path: Path) -> None:
    found = climb(pictures, tmp_path, NET + FUSION, folds=3)
    assert statuses(found) == {"net": "finished", "other": "finished", "swa": "skipped", "fusion": "finished"}
    val = found.runs["net"].predictions("val")
    splits = found.record["splits"]
    assert len(val) == splits["train"] + splits["val"]
    assert not {*val.hashes} & {*found.runs["net"].predictions("test").hashes}
    folds = sorted(found.path.glob("net-oof-fold*"))
    assert len(folds) == 3
    parts = [Predictions.read(RunFolder(fold).predictions_file("val")) for fold in folds]
    assert sorted(content for part in parts for content in part.hashes) == sorted(val.hashes)
    assert statuses(climb(pictures, tmp_path, NET + FUSION, folds=3))["net"] == "reused"
    stored = found.runs["fusion"].predictions("test")
    assert np.allclose(found.runs["fusion"].classifier.logits(list(stored.paths)), stored.logits, atol=1e-4)
