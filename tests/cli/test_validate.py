from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command_line import toprung
from tests.pictures import make_pictures
from toprung.evaluation.metrics import score
from toprung.evaluation.predictions import Predictions
from toprung.ladder.run import Run


def test_the_runs_own_scores_need_no_model(run: Run) -> None:
    done = toprung("validate", run.path, "--json")
    assert done.code == 0
    assert json.loads(done.out) == {"split": "val"} | run.scores["val"]


def test_the_table_names_every_score(run: Run) -> None:
    done = toprung("validate", run.path)
    for name in ("accuracy", "balanced accuracy", "macro F1", "log-loss", "calibration error", "precision", "recall"):
        assert name in done.out
    assert "95 % interval" in done.out
    assert "green" in done.out
    assert "green" not in toprung("validate", run.path, "--no-per-class").out


def test_other_pictures_are_scored_and_saved(run: Run, tmp_path: Path) -> None:
    other = make_pictures(tmp_path / "other", per_class=5, seed=3)
    done = toprung("validate", run.path, other, "--json", "--save", tmp_path / "kept")
    assert done.code == 0, done
    scores = json.loads(done.out)
    predictions = Predictions.read(tmp_path / "kept" / "predictions.npz")
    assert scores["pictures"] == len(predictions) == 15
    assert scores == {"split": "all"} | json.loads(json.dumps(score(predictions)))
    again = toprung("validate", run.path, other, "--save", tmp_path / "kept")
    assert again.code == 2
    assert "choose another --save" in again.err


def test_learnt_pictures_are_told(run: Run, pictures: Path) -> None:
    done = toprung("validate", run.path, pictures)
    learnt = sum(split == "train" for split in run.table().splits)
    assert f"{learnt} of 42 pictures are ones that the model was trained on" in done.err


def test_unreadable_pictures_are_told_and_the_exit_code_says_so(run: Run, tmp_path: Path) -> None:
    other = make_pictures(tmp_path / "other", per_class=3)
    (other / "red" / "0.png").write_bytes(b"")
    done = toprung("validate", run.path, other, "--json")
    assert done.code == 1
    assert json.loads(done.out)["pictures"] == 8
    assert "empty (0 bytes)" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--split", "test"], "holds no scores for test; it holds val"),
        (["{other}", "--split", "test"], "has no test split"),
        (["{gone}"], "does not exist"),
    ],
)
def test_mistakes_get_one_sentence(arguments: list[str], said: str, run: Run, tmp_path: Path) -> None:
    other = make_pictures(tmp_path / "other", per_class=2)
    filled = [argument.format(other=other, gone=tmp_path / "gone") for argument in arguments]
    done = toprung("validate", run.path, *filled)
    assert done.code == 2
    assert said in done.err


def test_what_is_no_run(tmp_path: Path) -> None:
    assert "there is no run folder" in toprung("validate", tmp_path / "x").err
    assert "is not a run folder" in toprung("validate", tmp_path).err


def test_a_calibration_error_above_its_interval_is_explained(run: Run) -> None:
    ece = run.scores["val"]["ece"]
    said = "comes out too large" in toprung("validate", run.path).out
    assert said == (ece["value"] > ece["high"])
