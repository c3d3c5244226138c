"""A fused run is a run: it predicts what it stored, and refuses what does not belong together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import toprung
from tests.cli.command_line import toprung as command
from tests.pictures import make_pictures
from toprung.cli.fuse import METHODS
from toprung.errors import RunError
from toprung.evaluation.fusion import method_names
from toprung.evaluation.predictions import Predictions
from toprung.ladder.run import Run
from toprung.runs.fused import FusedClassifier
from toprung.runs.fusion_card import read_fusion_card


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two networks and a probe on one split."""
    pictures = make_pictures(tmp_path_factory.mktemp("pictures"), per_class=20)
    folder = tmp_path_factory.mktemp("runs")
    common = {"data.test_fraction": 0.2, "model.img_size": 32, "hardware.precision": "fp32", "model.weights": "none"}
    for name, preset, extra in [
        ("net", "quick", {"schedule.epochs": 2}),
        ("other", "quick", {"schedule.epochs": 1, "optimisation.lr": 1e-3}),
        ("probe", "probe", {"probe.head": "linear"}),
    ]:
        settings = {**common, **extra, "model.name": "test_resnet"}
        toprung.train(pictures, preset=preset, settings=settings, out=folder / name, progress=False)
    return folder


@pytest.fixture(scope="module")
def fused(runs: Path) -> Run:
    return toprung.fuse([runs / name for name in ("net", "other", "probe")], out=runs / "fused", progress=False)


def test_it_predicts_what_it_stored(fused: Run, runs: Path) -> None:
    for split in ("val", "test"):
        stored = fused.predictions(split)
        again = fused.classifier.logits(list(stored.paths), batch_size=4)
        assert np.allclose(again, stored.logits, atol=1e-4)
    first = fused.predict(stored.paths[0])
    assert first.name == stored.classes[stored.predicted[0]]


def test_members_that_do_not_fit_together_answer_the_same(fused: Run) -> None:
    stored = fused.predictions("test")
    apart = FusedClassifier.open(fused.path / "model", "cpu")
    apart.keeps_members = False
    assert np.allclose(apart.logits(list(stored.paths), batch_size=5), stored.logits, atol=1e-4)


def test_the_command_line_takes_it_like_any_run(fused: Run, runs: Path, tmp_path: Path) -> None:
    told = command("validate", fused.path, "--json")
    assert json.loads(told.out)["accuracy"] == fused.scores["test"]["accuracy"]
    own = command("validate", fused.path, fused.path / "data" / "table.csv", "--split", "test", "--json")
    assert json.loads(own.out)["accuracy"]["value"] == fused.scores["test"]["accuracy"]["value"]
    out = tmp_path / "out.csv"
    assert command("predict", fused.path, str(runs.parent / "nowhere"), "-o", out).code == 2
    picture = fused.predictions("test").paths[0]
    assert command("predict", fused.path, picture, "-o", out).code == 0
    assert out.read_text(encoding="utf-8").splitlines()[1].startswith(f"{picture},")
    assert "fused" in command("board", runs).out
    assert command("report", fused.path).code == 0


def test_its_page_shows_the_members(fused: Run) -> None:
    page = (fused.path / "report.html").read_text(encoding="utf-8")
    assert 'id="fusion"' in page
    for name in ("net", "other", "probe"):
        assert name in page


def test_the_record_tells_gain_and_members(fused: Run) -> None:
    record = fused.record
    assert record["kind"] == "fusion"
    assert {"val", "test"} == set(record["gain"])
    assert [one["name"] for one in record["fusion"]["members"]] == ["net", "other", "probe"]
    assert len(record["fusion"]["pairs"]) == 3
    assert 0 <= record["selection_score"]["accuracy"] <= 1
    gain = record["gain"]["test"]
    pictures = fused.scores["test"]["pictures"]
    assert (gain["gained"] - gain["lost"]) / pictures == pytest.approx(gain["difference"])


def test_fitting_does_not_look_at_test(runs: Path, tmp_path: Path) -> None:
    """Members whose test answers were shuffled fuse to the same weights."""
    copies = []
    for name in ("net", "probe"):
        copy = tmp_path / name
        shutil.copytree(runs / name, copy)
        said = Predictions.read(copy / "predictions" / "test.npz")
        (copy / "predictions" / "test.npz").write_bytes(
            Predictions(said.paths, said.hashes, said.labels, said.logits[::-1].copy(), said.classes).to_bytes()
        )
        copies.append(copy)
    honest = toprung.fuse([runs / "net", runs / "probe"], out=tmp_path / "honest", progress=False)
    other = toprung.fuse(copies, out=tmp_path / "other", progress=False)
    cards = [read_fusion_card(run.path / "model").fusion.to_json() for run in (honest, other)]
    assert cards[0] == cards[1]


def test_a_copy_can_be_moved_alone(runs: Path, tmp_path: Path) -> None:
    fused = toprung.fuse([runs / "net", runs / "probe"], out=tmp_path / "a" / "fused", copy=True, progress=False)
    moved = tmp_path / "b"
    shutil.move(fused.path, moved)
    stored = fused_predictions = Predictions.read(moved / "predictions" / "test.npz")
    model = toprung.load(moved / "model")
    assert np.allclose(
        model.classifier.logits(list(stored.paths)) if isinstance(model, Run) else model.logits(list(stored.paths)),
        fused_predictions.logits,
        atol=1e-4,
    )


def test_a_member_that_changed_or_is_gone_is_noticed(runs: Path, tmp_path: Path) -> None:
    copies = [Path(shutil.copytree(runs / name, tmp_path / name)) for name in ("net", "probe")]
    fused = toprung.fuse(copies, out=tmp_path / "fused", progress=False)
    weights = copies[0] / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    with pytest.raises(RunError, match="was changed since they were fused"):
        toprung.load(fused.path)
    shutil.rmtree(copies[0])
    with pytest.raises(RunError, match=r"member net of the fused model .* is gone"):
        toprung.load(fused.path)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["net"], "needs two runs or more"),
        (["net", "net"], "is named twice"),
        (["net", "nowhere"], "there is no run folder"),
    ],
)
def test_mistakes(runs: Path, names: list[str], told: str, tmp_path: Path) -> None:
    result = command("fuse", *[runs / name for name in names], "--out", tmp_path / "out")
    assert (result.code, told in result.err) == (2, True)
    assert not (tmp_path / "out").exists()


def test_runs_on_other_splits_are_refused(runs: Path, tmp_path: Path) -> None:
    pictures = make_pictures(tmp_path / "pictures", per_class=20, seed=3)
    settings = {
        "data.test_fraction": 0.2, "model.img_size": 32, "model.weights": "none", "model.name": "test_resnet",
        "schedule.epochs": 1,
    }  # fmt: skip
    toprung.train(pictures, preset="quick", settings=settings, out=tmp_path / "strange", progress=False)
    result = command("fuse", runs / "net", tmp_path / "strange", "--out", tmp_path / "out")
    assert result.code == 2
    assert "was scored on other pictures than net (12 and 12, 0 in common)" in result.err


def test_the_help_names_all_methods() -> None:
    assert method_names() == METHODS
