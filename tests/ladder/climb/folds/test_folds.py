"""Out-of-fold predictions: each picture once, by a model that did not learn it; never the report split."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.ladder.climb.tables import split_table
from toprung.data.table_csv import read_table_csv
from toprung.errors import RunError
from toprung.evaluation.predictions import Predictions, softmax
from toprung.ladder.climb.folds.ensemble import ensemble
from toprung.ladder.climb.folds.folds import merge, refit, run_folds
from toprung.ladder.display import Silent
from toprung.runs.classifier import Classifier
from toprung.training.interrupt import Interrupted
from toprung.training.presets import compose

RECIPE = compose(
    "quick",
    {
        "model.name": "test_vit",
        "model.weights": "none",
        "optimisation.batch_size": 12,
        "optimisation.lr": 3e-3,
        "hardware.precision": "fp32",
        "schedule.epochs": 3,
    },
)


class _Stops(Silent):
    def say(self, text: str) -> None:
        if text.startswith("fold 3"):
            raise Interrupted("stopped")


def test_each_picture_once_by_a_model_that_did_not_learn_it(tmp_path: Path) -> None:
    source = split_table(tmp_path / "first", per_class=10, test_fraction=0.0)
    for number in range(3):  # copies, which must stay on one side
        picture = tmp_path / "first" / "pictures" / "red" / f"{number}.png"
        shutil.copyfile(picture, picture.with_name(f"copy{number}.png"))
    table_file = split_table(tmp_path / "first", per_class=10)
    table, folder = read_table_csv(table_file), tmp_path / "climb" / "vit"
    assert source == table_file
    with pytest.raises(Interrupted):
        run_folds(table_file, RECIPE, folds=3, folder=folder, display=_Stops())
    first = tmp_path / "climb" / "vit-fold0" / "run.json"
    written = first.stat().st_mtime_ns
    result = run_folds(table_file, RECIPE, folds=3, folder=folder, display=Silent())
    assert first.stat().st_mtime_ns == written

    held_out = {str(path) for path, split in zip(table.paths, table.splits, strict=True) if split != "test"}
    assert sorted(result.out_of_fold.paths) == sorted(held_out)
    test = set(table.split("test").hashes)
    for run in result.runs:
        own = read_table_csv(run.table_file)
        learnt = set(own.split("train").hashes)
        assert not learnt & set(Predictions.read(run.predictions_file("val")).hashes)
        assert not test & set(own.hashes)
        assert not run.predictions_file("test").exists()
    stored = json.loads((folder / "folds.json").read_text())
    assert stored["mean"] == pytest.approx(np.mean(result.accuracies))
    assert stored["sd"] == pytest.approx(np.std(result.accuracies, ddof=1))

    fused = ensemble(result, table_file, folder.with_name("vit-ensemble"))
    said = Predictions.read(fused.predictions_file("test"))
    paths = list(table.split("test").paths)
    members = [softmax(Classifier.open(run.model, "cpu").logits(paths)) for run in result.runs]
    np.testing.assert_allclose(said.probabilities, np.mean(members, axis=0), atol=1e-5)
    assert Predictions.read(fused.predictions_file("val")).paths == result.out_of_fold.paths
    assert ensemble(result, table_file, fused.path).path == fused.path
    assert fused.report_file.is_file()

    final = refit(result, RECIPE, folder.with_name("vit-refit"), display=Silent())
    learnt = set(read_table_csv(final.table_file).split("train").hashes)
    assert len(held_out) - len(read_table_csv(final.table_file).split("train")) <= 2 * len(table.classes)
    assert not learnt & test
    assert final.record()["best_epoch"] == final.record()["epochs"]


def test_folds_that_overlap_are_refused() -> None:
    part = Predictions(("a",), ("1",), np.zeros(1, np.int64), np.zeros((1, 2), np.float32), ("x", "y"))
    with pytest.raises(RunError, match="stands in two folds"):
        merge([part, part])
