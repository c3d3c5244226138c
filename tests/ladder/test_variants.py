"""An averaged run: its model is the mean of its epoch ends, and its controls stand beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.cli.command_line import toprung
from tests.pictures import make_pictures
from toprung import load, train
from toprung.errors import DataError
from toprung.evaluation.predictions import Predictions
from toprung.evaluation.significance import mcnemar
from toprung.ladder.board import read_board
from toprung.ladder.display import Silent
from toprung.ladder.rung import climb_rung
from toprung.runs.folder import RunFolder
from toprung.training.events import EpochEvent
from toprung.training.presets import compose

FAST = {
    "model.weights": "none",
    "schedule.epochs": 2,
    "optimisation.batch_size": 4,
    "hardware.precision": "fp32",
    "data.test_fraction": 0.2,
}


class Taking(Silent):
    """Takes the checkpoint's weights at every epoch's end."""

    def __init__(self, run: Path) -> None:
        self.run, self.taken = run, list[dict[str, Tensor]]()

    def training(self, total_steps: int, done: int) -> Taking:
        return self

    def __enter__(self) -> Taking:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def on_step(self, event: object) -> None:
        # the checkpoint of an epoch's end is there when the next one begins
        self.take()

    def on_note(self, text: str) -> None:
        return None

    def on_epoch(self, event: EpochEvent) -> None:
        return None

    def take(self) -> None:
        state = torch.load(self.run / "checkpoints" / "last.pt", weights_only=True, mmap=False)
        if state["progress"]["batch"] == 0 and state["progress"]["epoch"] == len(self.taken) + 1:
            self.taken.append(state["model"])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("pictures"), per_class=15)


@pytest.fixture(scope="module", params=["test_resnet", "test_vit"])
def averaged(request: pytest.FixtureRequest, pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp(request.param)
    train(pictures, model=request.param, settings=FAST, out=runs / "base", progress=False)
    done = toprung("train", "--from", runs / "base", "--preset", "swa", "--epochs", 3, "--out", runs / "swa")
    assert done.code == 0, done.err
    (runs / "said.txt").write_text(done.out)
    return runs


def test_it_starts_from_the_runs_best_weights_on_the_runs_pictures_and_splits(averaged: Path) -> None:
    base, swa = RunFolder(averaged / "base"), RunFolder(averaged / "swa")
    first, second = load(base.path).table(), load(swa.path).table()
    rows = {(path, label, split) for path, label, split in zip(first.paths, first.labels, first.splits, strict=True)}
    assert rows == set(zip(second.paths, second.labels, second.splits, strict=True))
    report = json.loads(swa.load_report_file.read_text())
    assert (report["dialect"], report["matched"], report["missing"]) == ("toprung run", 1.0, [])
    assert load(swa.path).recipe.optimisation.peak_lr == load(base.path).recipe.optimisation.peak_lr


def test_the_controls_stand_beside_the_average_with_an_exact_test(averaged: Path) -> None:
    swa = RunFolder(averaged / "swa")
    has_batchnorm = any("running_mean" in name for name in load_file(swa.best_file))
    names = {"last", "best-epoch", "start"} | ({"last-statistics"} if has_batchnorm else set())
    assert {path.name for path in (swa.path / "variants").iterdir()} == names
    controls = swa.record()["controls"]
    assert {(one["name"], one["split"]) for one in controls} == {(n, s) for n in names for s in ("val", "test")}
    for one in controls:
        variant = RunFolder(swa.path / "variants" / one["name"])
        own, other = (Predictions.read(run.predictions_file(one["split"])) for run in (swa, variant))
        outcome = mcnemar(own, other)
        assert one["outcome"]["p_value"] == outcome.p_value
        assert one["accuracy"] == pytest.approx((other.predicted == other.labels).mean())
    said = (averaged / "said.txt").read_text()
    assert "was it the averaging? (test)" in said
    assert "last weights, not averaged" in said


def test_the_last_weights_are_those_of_the_last_checkpoint(averaged: Path) -> None:
    swa = RunFolder(averaged / "swa")
    last = torch.load(swa.last_file, weights_only=True)["model"]
    kept = load_file(swa.path / "variants" / "last" / "model" / "model.safetensors")
    assert all(torch.equal(last[name], kept[name]) for name in kept)


def test_only_batchnorm_statistics_are_computed_anew_for_the_control(averaged: Path) -> None:
    variants = averaged / "swa" / "variants"
    if not (variants / "last-statistics").is_dir():
        pytest.skip("no BatchNorm in this model")
    one, other = (load_file(variants / name / "model" / "model.safetensors") for name in ("last", "last-statistics"))
    changed = {name for name in one if not torch.equal(one[name], other[name])}
    assert changed
    assert all(name.endswith(("running_mean", "running_var", "num_batches_tracked")) for name in changed)


def test_the_start_is_what_the_base_said_of_the_same_pictures(averaged: Path) -> None:
    base, start = RunFolder(averaged / "base"), RunFolder(averaged / "swa" / "variants" / "start")
    one, other = (Predictions.read(run.predictions_file("test")) for run in (base, start))
    assert one.hashes == other.hashes
    assert (one.logits == other.logits).all()


def test_variants_have_rows_on_the_board_and_predict_like_any_run(averaged: Path, pictures: Path) -> None:
    rows = {row.name: row for row in read_board(averaged)}
    assert {"base", "swa", "swa · last", "swa · best-epoch", "swa · start"} <= set(rows)
    assert all(row.rank is not None for row in rows.values())
    picture = next(pictures.rglob("*.png"), None) or next(pictures.rglob("*.jpg"))
    assert load(averaged / "swa" / "variants" / "last").predict(picture).name in load(averaged / "swa").classes


@pytest.mark.parametrize("start", [0, 1])
def test_the_runs_model_is_the_mean_of_its_epoch_ends(pictures: Path, tmp_path: Path, start: int) -> None:
    settings = FAST | {
        "model.name": "test_vit",
        "schedule.epochs": 3,
        "averaging.swa": True,
        "averaging.swa_start_epoch": start,
        "hardware.checkpoint_minutes": 1e9,
    }
    taking = Taking(tmp_path / "run")
    (tmp_path / "run").mkdir()
    recipe = compose("quick", settings)
    taking.on_step = lambda event: None if event.epoch == 1 else taking.take()  # type: ignore[method-assign]
    run = climb_rung(pictures, recipe, out=tmp_path / "run", runs=tmp_path, display=taking)
    taking.take()
    assert len(taking.taken) == 3
    ends = taking.taken[start:]
    mean = load_file(run.best_file)
    assert set(mean) == set(timm.create_model("test_vit").state_dict())
    for name, tensor in mean.items():
        expected = torch.stack([end[name].double() for end in ends]).mean(dim=0)
        torch.testing.assert_close(tensor.double(), expected, rtol=1e-6, atol=1e-7, msg=name)


def test_a_run_without_a_model_cannot_be_gone_on_from(tmp_path: Path) -> None:
    RunFolder.create(tmp_path / "run", {"model": "x"})
    done = toprung("train", "--from", tmp_path / "run", "--preset", "swa")
    assert done.code == 2
    assert "has no model yet" in done.err


def test_from_python_a_run_goes_on_as_from_the_command_line(averaged: Path, tmp_path: Path) -> None:
    settings = {"schedule.epochs": 3}
    run = train(parent=averaged / "base", preset="swa", settings=settings, out=tmp_path / "swa", progress=False)
    one, other = load_file(RunFolder(averaged / "swa").best_file), load_file(RunFolder(run.path).best_file)
    assert all(torch.equal(one[name], other[name]) for name in one)
    with pytest.raises(DataError, match="give source, or parent"):
        train(preset="swa")
