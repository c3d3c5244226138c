"""Halving over real, tiny runs: never the report split, nothing trained twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.ladder.climb.tables import split_table
from toprung.data.table_csv import read_table_csv
from toprung.ladder.climb.halving import Candidate
from toprung.ladder.climb.halving_runs import halve_runs, shortened
from toprung.ladder.display import Silent
from toprung.training.interrupt import Interrupted
from toprung.training.presets import compose
from toprung.training.recipe import Recipe

SETTINGS = {
    "model.name": "test_vit",
    "model.weights": "none",
    "optimisation.batch_size": 12,
    "hardware.precision": "fp32",
    "schedule.epochs": 6,
}


class _Stops(Silent):
    """Ctrl-C when the second candidate's turn comes."""

    def __init__(self) -> None:
        self.turns = 0

    def say(self, text: str) -> None:
        self.turns += text.startswith("round")
        if self.turns == 2:
            raise Interrupted("stopped")


def test_interrupted_and_called_again_it_trains_nothing_twice(tmp_path: Path) -> None:
    table = split_table(tmp_path, per_class=8)
    candidates = [
        Candidate("good", compose("quick", SETTINGS | {"optimisation.lr": 3e-3})),
        Candidate("mad", compose("quick", SETTINGS | {"model.img_size": 7})),
        Candidate("slow", compose("quick", SETTINGS | {"optimisation.lr": 1e-6})),
    ]
    plan = {"folder": tmp_path / "halving", "eta": 3, "start_epochs": 2, "full_epochs": 6}
    with pytest.raises(Interrupted):
        halve_runs(candidates, table, display=_Stops(), **plan)  # type: ignore[arg-type]
    done = tmp_path / "halving" / "0-good" / "run.json"
    written = done.stat().st_mtime_ns
    ranking = halve_runs(candidates, table, display=Silent(), **plan)  # type: ignore[arg-type]
    assert done.stat().st_mtime_ns == written
    assert [one.name for one in ranking.kept] == ["good"]
    reasons = {one.candidate.name: one.reason for one in ranking.standings}
    assert reasons["mad"].startswith("failed: ")
    record = json.loads((tmp_path / "halving" / "halving.json").read_text())
    assert [one["name"] for one in record["standings"]] == [one.candidate.name for one in ranking.standings]
    test = set(read_table_csv(table).split("test").hashes)
    for run in (tmp_path / "halving").glob("0-*"):
        assert not test & set(read_table_csv(run / "data" / "table.csv").hashes)
        assert not (run / "predictions" / "test.npz").exists()


def test_what_is_counted_in_epochs_shrinks_alike() -> None:
    recipe = compose("finetune", {"schedule.epochs": 30, "schedule.warmup_epochs": 3.0})
    short = shortened(recipe, 10)
    assert (short.schedule.epochs, short.schedule.warmup_epochs) == (10, 1.0)
    assert shortened(recipe, 40) == recipe
    staged = Recipe().with_settings({"stages": [{"epochs": 6, "freeze": "backbone"}, {"epochs": 12}]})
    assert [stage.epochs for stage in shortened(staged, 6).stages] == [2, 4]
