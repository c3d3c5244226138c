"""Pretraining from a folder to an encoder: its run, resumed to the same bits, several processes, and what uses it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.cli.command_line import toprung
from tests.pictures import make_pictures
from toprung.errors import RecipeError, RunError
from toprung.ladder.board import read_board
from toprung.ladder.display import Silent
from toprung.ladder.parent import recipe_of
from toprung.ladder.pretraining import pretrain, resume_pretraining
from toprung.ladder.pretraining_api import pretrain as pretrain_in_python
from toprung.ladder.rung import climb_rung, resume_rung
from toprung.runs.folder import RunFolder
from toprung.training.autoencoder import AUTOENCODER_FILE
from toprung.training.presets import compose, preset
from toprung.training.recipe import Recipe
from toprung.training.state import load_state

SETTINGS: dict[str, object] = {
    "model.name": "test_vit",
    "model.img_size": 64,
    "pretraining.decoder_width": 24,
    "pretraining.decoder_depth": 1,
    "pretraining.decoder_heads": 3,
    "pretraining.pictured": 3,
    "data.val_fraction": 0.1,
    "schedule.epochs": 3,
    "schedule.warmup_epochs": 0.5,
    "optimisation.batch_size": 6,
    "optimisation.lr": 1e-3,
    "hardware.device": "cpu",
    "hardware.precision": "fp32",
    "hardware.checkpoint_minutes": 0.0,
}


class _Told(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def _recipe(**changes: Any) -> Recipe:
    named = {name.replace("__", "."): value for name, value in changes.items()}
    return preset("mae-pretrain-small").with_settings(SETTINGS | named)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("pictures"), per_class=14)


@pytest.fixture(scope="module")
def whole(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    out = tmp_path_factory.mktemp("runs") / "whole"
    return pretrain(pictures, _recipe(), out=out, runs=out.parent, display=Silent())


def _same_end(one: RunFolder, other: RunFolder) -> None:
    for name in ("model.safetensors", AUTOENCODER_FILE):
        first, second = load_file(one.model / name), load_file(other.model / name)
        assert first.keys() == second.keys()
        for key, tensor in first.items():
            assert torch.equal(tensor, second[key]), key
    last, again = load_state(one.last_file), load_state(other.last_file)
    for name, tensor in last.model.items():
        assert torch.equal(tensor, again.model[name]), name
    assert (last.progress.step, last.progress.best_loss) == (again.progress.step, again.progress.best_loss)


def test_the_run_holds_what_a_run_holds(whole: RunFolder) -> None:
    record = whole.record()
    assert (record["kind"], record["status"], record["epochs"]) == ("pretraining", "finished", 3)
    lines = [json.loads(line) for line in whole.metrics_file.read_text().splitlines()]
    losses = [line["val_loss"] for line in lines if line["kind"] == "epoch"]
    assert len(losses) == 3
    assert record["best_loss"] == min(losses)
    assert losses[-1] < losses[0]
    assert not any("val_accuracy" in line for line in lines)
    assert Recipe.read(whole.recipe_file).pretraining.decoder_width == 24
    assert whole.table_file.read_text().count("unlabelled") == 42
    assert len(list(whole.reconstructions.glob("*.webp"))) == 9


def test_the_page_shows_reconstructions_and_no_scores(whole: RunFolder) -> None:
    page = whole.report_file.read_text()
    assert page.count("data:image/webp") >= 9
    assert "Reconstructions of held-out pictures" in page
    assert "No scores" not in page
    assert "Wilson" not in page
    assert toprung("report", whole.path).code == 0
    assert whole.report_file.read_text() == page


def test_the_page_of_a_damaged_run_is_written_all_the_same(whole: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "reconstructions").mkdir()
    (tmp_path / "run.json").write_text('{"format": 1, "kind": "pretraining", "best_loss": "x"}')
    (tmp_path / "reconstructions" / "index.json").write_text('{"pictures": [{"loss": []}, 3], "mask_ratio": "much"}')
    assert toprung("report", tmp_path).code == 0
    assert "picture<br>not found" in (tmp_path / "report.html").read_text()


def test_killed_and_resumed_ends_with_the_same_bits(pictures: Path, whole: RunFolder, tmp_path: Path) -> None:
    process = _start(pictures, tmp_path / "run")
    _wait_for_step(process, tmp_path / "run", 8)  # in the second epoch of 6 steps each
    process.kill()
    process.communicate()
    assert load_state(tmp_path / "run" / "checkpoints" / "last.pt").progress.step < 18
    _same_end(whole, resume_pretraining(tmp_path / "run", display=Silent()))


def test_ctrl_c_saves_and_says_how_to_go_on(pictures: Path, whole: RunFolder, tmp_path: Path) -> None:
    process = _start(pictures, tmp_path / "run")
    _wait_for_step(process, tmp_path / "run", 2)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate()
    assert process.returncode == 130
    assert f"toprung pretrain --resume {tmp_path / 'run'}" in " ".join(output.split())
    assert "Traceback" not in output
    _same_end(whole, resume_pretraining(tmp_path / "run", display=Silent()))


def _start(pictures: Path, out: Path) -> subprocess.Popen[str]:
    assignments = [f"--set={name}={json.dumps(value)}" for name, value in SETTINGS.items()]
    command = [sys.executable, "-m", "toprung", "pretrain", str(pictures), "--out", str(out), *assignments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _wait_for_step(process: subprocess.Popen[str], run: Path, step: int) -> None:
    """Wait until a checkpoint of at least this step stands; no limit of time but the process's life."""
    records = run / "metrics.jsonl"
    while process.poll() is None:
        lines = records.read_text().splitlines() if records.is_file() else []
        if any(f'"step": {step},' in line for line in lines) and (run / "checkpoints" / "last.pt").is_file():
            return
        time.sleep(0.002)
    raise AssertionError(f"the run ended before step {step}: {process.communicate()[0]}")


def test_two_processes_pretrain_as_one(pictures: Path, tmp_path: Path) -> None:
    settings = SETTINGS | {"optimisation.optimizer": "sgd", "optimisation.lr": 0.05, "schedule.epochs": 2}
    one = pretrain(
        pictures,
        _recipe(**{name.replace(".", "__"): value for name, value in settings.items()}),
        out=tmp_path / "one",
        runs=tmp_path,
        display=Silent(),
    )
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "toprung"]
    assignments = [f"--set={name}={json.dumps(value)}" for name, value in settings.items()]
    command = [*launcher, "pretrain", str(pictures), "--out", str(tmp_path / "two"), *assignments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("page  ") == 1  # one process speaks
    two = RunFolder.open(tmp_path / "two")
    first, second = (load_file(run.model / AUTOENCODER_FILE) for run in (one, two))
    for name, tensor in first.items():
        assert torch.allclose(tensor, second[name], atol=1e-4), name
    assert one.record()["best_loss"] == pytest.approx(two.record()["best_loss"], abs=1e-4)


def test_training_starts_from_the_encoder(whole: RunFolder, pictures: Path, tmp_path: Path) -> None:
    settings = {
        "model.name": "test_vit",
        "model.img_size": 64,
        "model.weights": str(whole.path),
        "schedule.epochs": 1,
        "optimisation.batch_size": 6,
        "hardware.device": "cpu",
        "hardware.precision": "fp32",
    }
    run = climb_rung(
        pictures, preset("quick").with_settings(settings), out=tmp_path / "r", runs=tmp_path, display=Silent()
    )
    report = json.loads(run.load_report_file.read_text())
    assert report["matched"] == 1.0
    assert report["dialect"] == "toprung run"
    assert set(report["missing"]) == {"head.weight", "head.bias"}
    assert report["dropped"] == []


def test_pretraining_goes_on_from_a_pretraining(whole: RunFolder, pictures: Path, tmp_path: Path) -> None:
    told = _Told()
    recipe = _recipe(model__weights=str(whole.path), schedule__epochs=1, optimisation__lr=1e-6)
    run = pretrain(pictures, recipe, out=tmp_path / "r", runs=tmp_path, display=told)
    assert any(line.startswith("decoder    from ") for line in told.lines)
    assert run.record()["best_loss"] == pytest.approx(whole.record()["best_loss"], abs=1e-3)


def test_fewer_pictures_than_a_step_takes(pictures: Path, tmp_path: Path) -> None:
    told = _Told()
    recipe = _recipe(optimisation__batch_size=64, optimisation__lr=None, schedule__epochs=1)
    run = pretrain(pictures, recipe, out=tmp_path / "r", runs=tmp_path, display=told)
    assert any(line.startswith("batch      38, all training pictures") for line in told.lines)
    assert Recipe.read(run.recipe_file).optimisation.batch_size == 38


def test_the_board_names_it_and_ranks_it_not(whole: RunFolder) -> None:
    (row,) = read_board(whole.path)
    assert (row.status, row.rank, row.accuracy) == ("finished", None, None)
    assert "pretraining" in row.error
    assert toprung("board", whole.path).code == 0


def test_other_commands_say_what_it_is(whole: RunFolder) -> None:
    with pytest.raises(RunError, match="toprung pretrain --resume"):
        resume_rung(whole.path, display=Silent())
    with pytest.raises(RunError, match="finished already"):
        resume_pretraining(whole.path, display=Silent())
    for words in (["validate", whole.path], ["predict", whole.path, whole.path, "-o", whole.path / "x.csv"]):
        result = toprung(*words)
        assert result.code == 2
        assert "encoder without a classifier" in result.err


@pytest.mark.parametrize("setting", ["augment__mixup", "augment__cutmix", "data__test_fraction"])
def test_what_a_classifier_needs_is_refused(setting: str, pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="is for training a classifier"):
        pretrain(pictures, _recipe(**{setting: 0.2}), out=tmp_path / "r", runs=tmp_path, display=Silent())
    assert not (tmp_path / "r").exists()


def test_both_of_its_files_are_told_to_be_its_own(whole: RunFolder, tmp_path: Path) -> None:
    for file in (whole.best_file, whole.autoencoder_file):
        result = toprung("inspect", file)
        assert result.code == 0, result.err
        assert "toprung run" in result.out
        assert "pretraining without labels" in result.out
        assert "licence" not in result.out


def test_the_python_function_is_the_command(pictures: Path, whole: RunFolder, tmp_path: Path) -> None:
    run = pretrain_in_python(pictures, settings=dict(SETTINGS), out=tmp_path / "run", progress=False)
    _same_end(whole, RunFolder(run.path))
    with pytest.raises(RecipeError, match="pretrain"):
        pretrain_in_python(pictures, preset="quick", out=tmp_path / "other", progress=False)


def test_fine_tuning_from_a_pretraining_takes_its_network_and_not_its_rates(whole: RunFolder) -> None:
    recipe = compose("quick", {}, base=recipe_of(whole.path))
    assert (recipe.model.name, recipe.model.img_size, recipe.model.weights) == ("test_vit", 64, str(whole.path))
    assert recipe.optimisation == compose("quick", {"model.name": "test_vit"}).optimisation
    assert recipe.pretraining == Recipe().pretraining
