"""Runs that are killed, stopped or out of disk go on to the same weights, bit for bit, as if nothing had been."""

from __future__ import annotations

import csv
import json
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.pictures import make_pictures
from toprung.errors import RunError, StorageError
from toprung.ladder.display import Silent
from toprung.ladder.rung import climb_rung, resume_rung
from toprung.runs.folder import RunFolder
from toprung.training.events import EpochEvent
from toprung.training.presets import preset
from toprung.training.recipe import Recipe
from toprung.training.state import load_state

# Everything with chance or memory in it: dropout, stochastic depth, mixing, augmentation, EMA, momentum.
SETTINGS: dict[str, object] = {
    "model.name": "test_vit",
    "model.weights": "none",
    "model.drop_path": 0.2,
    "model.drop_rate": 0.2,
    "schedule.epochs": 3,
    "schedule.warmup_epochs": 0.5,
    "optimisation.batch_size": 4,
    "augment.auto_augment": "randaugment",
    "augment.mixup": 0.4,
    "augment.cutmix": 1.0,
    "augment.erasing": 0.3,
    "averaging.ema_decay": 0.9,
    "hardware.precision": "fp32",
    "hardware.checkpoint_minutes": 0.0,
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("pictures"), per_class=15)


@pytest.fixture(scope="module")
def whole(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return climb_rung(
        pictures, _recipe(), out=tmp_path_factory.mktemp("runs") / "whole", runs=Path("runs"), display=Silent()
    )


def _recipe(model: str = "test_vit") -> Recipe:
    return preset("finetune", model).with_settings(SETTINGS | {"model.name": model})


def _same_end(one: RunFolder, other: RunFolder) -> None:
    first, second = load_file(one.best_file), load_file(other.best_file)
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name
    last, again = load_state(one.last_file), load_state(other.last_file)
    for name, tensor in last.model.items():
        assert torch.equal(tensor, again.model[name]), name
    assert last.average is not None
    assert again.average is not None
    for name, tensor in last.average.items():
        assert torch.equal(tensor, again.average[name]), name
    for key, state in last.optimizer["state"].items():
        for name, value in state.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(again.optimizer["state"][key][name]))
    for field in ("step", "epoch", "batch", "best_accuracy", "best_loss", "best_epoch", "best_is_average"):
        assert getattr(last.progress, field) == getattr(again.progress, field), field
    assert _told(one) == _told(other)


def _told(run: RunFolder) -> list[tuple[object, ...]]:
    """Return what the records say, without times."""
    lines = [json.loads(line) for line in run.metrics_file.read_text().splitlines()]
    epochs = [(line["epoch"], line["train_loss"], line["val_loss"]) for line in lines if line["kind"] == "epoch"]
    with run.metrics_csv_file.open() as file:
        assert len(list(csv.DictReader(file))) == len(epochs)
    steps = [(line["step"], line["loss"], line["lr"]) for line in lines if line["kind"] == "step"]
    assert len({step for step, *_ in steps}) == len(steps)
    return [*epochs, *(step for step in steps if step[0] % 5 == 0)]  # a save between adds a line of its own


def _start(pictures: Path, out: Path, model: str = "test_vit") -> subprocess.Popen[str]:
    settings = SETTINGS | {"model.name": model}
    assignments = [f"--set={name}={json.dumps(value)}" for name, value in settings.items()]
    command = [sys.executable, "-m", "toprung", "train", str(pictures), "--out", str(out), *assignments]
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


@pytest.mark.parametrize("step", [2, 12, 14])  # in the first epoch, and about a boundary (9 steps an epoch)
def test_killed_and_resumed_ends_with_the_same_bits(
    step: int, pictures: Path, whole: RunFolder, tmp_path: Path
) -> None:
    process = _start(pictures, tmp_path / "run")
    _wait_for_step(process, tmp_path / "run", step)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "running"
    state = load_state(tmp_path / "run" / "checkpoints" / "last.pt")
    assert state.progress.step < 27
    _same_end(whole, resume_rung(tmp_path / "run", display=Silent()))


def test_a_network_with_batchnorm_and_channels_last_too(pictures: Path, tmp_path: Path) -> None:
    """Running statistics, their warm-up, and kernels in another memory layout are part of the state."""
    whole = climb_rung(pictures, _recipe("test_efficientnet"), out=tmp_path / "whole", runs=tmp_path, display=Silent())
    process = _start(pictures, tmp_path / "run", "test_efficientnet")
    _wait_for_step(process, tmp_path / "run", 5)
    process.kill()
    process.communicate()
    assert load_state(tmp_path / "run" / "checkpoints" / "last.pt").progress.step < 27
    _same_end(whole, resume_rung(tmp_path / "run", display=Silent()))


def test_ctrl_c_saves_and_says_how_to_go_on(pictures: Path, whole: RunFolder, tmp_path: Path) -> None:
    process = _start(pictures, tmp_path / "run")
    _wait_for_step(process, tmp_path / "run", 3)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate()
    assert process.returncode == 130
    assert "stopped by Ctrl-C after step" in output
    assert f"toprung train --resume {tmp_path / 'run'}" in " ".join(output.split())
    assert "Traceback" not in output
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "interrupted"
    _same_end(whole, resume_rung(tmp_path / "run", display=Silent()))


class _FillDisk(Silent):
    """After the first epoch no file may grow beyond 20 kB: what a full disk looks like to the process."""

    def training(self, total_steps: int, done: int) -> _FillDisk:
        return self

    def __enter__(self) -> _FillDisk:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def on_step(self, event: object) -> None:
        return None

    def on_note(self, text: str) -> None:
        return None

    def on_epoch(self, event: EpochEvent) -> None:
        if event.epoch == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def test_an_averaged_run_in_stages_too(pictures: Path, tmp_path: Path) -> None:
    """What is frozen, which optimiser is at work, and the mean so far are part of the state."""
    settings = {name: value for name, value in SETTINGS.items() if name != "schedule.epochs"}
    settings |= {
        "model.name": "test_efficientnet",
        "averaging.swa": True,
        "averaging.swa_start_epoch": 1,
        "stages": [{"epochs": 1, "freeze": "backbone", "lr": 1e-2}, {"epochs": 2, "batch_size": 6}],
    }
    recipe = preset("finetune").with_settings(settings)
    whole = climb_rung(pictures, recipe, out=tmp_path / "whole", runs=tmp_path, display=Silent())
    (tmp_path / "recipe.toml").write_text(recipe.to_toml())
    for step in (4, 12):  # in the first stage of 9 steps, and in the second
        out = tmp_path / f"run{step}"
        options = [str(pictures), "--recipe", str(tmp_path / "recipe.toml"), "--out", str(out)]
        process = subprocess.Popen(
            [sys.executable, "-m", "toprung", "train", *options], stdout=subprocess.PIPE, text=True
        )
        _wait_for_step(process, out, step)
        process.kill()
        process.communicate()
        assert load_state(out / "checkpoints" / "last.pt").progress.step < 21
        resumed = resume_rung(out, display=Silent())
        _same_end(whole, resumed)
        for name in ("last", "best-epoch"):
            one, other = (
                load_file(run.path / "variants" / name / "model" / "model.safetensors") for run in (whole, resumed)
            )
            assert all(torch.equal(one[key], other[key]) for key in one)


def test_a_full_disk_never_leaves_a_broken_checkpoint(pictures: Path, whole: RunFolder, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(StorageError, match="the disk is full"):
            climb_rung(pictures, _recipe(), out=tmp_path / "run", runs=tmp_path, display=_FillDisk())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    run = RunFolder.open(tmp_path / "run")
    assert load_state(run.last_file).progress.step == 18  # saved after the second epoch's last step
    assert not list(run.last_file.parent.glob(".*.partial"))
    _same_end(whole, resume_rung(run.path, display=Silent()))


def test_a_finished_run_is_not_resumed(whole: RunFolder) -> None:
    with pytest.raises(RunError, match="finished already"):
        resume_rung(whole.path, display=Silent())


def test_a_run_killed_before_its_first_checkpoint_starts_anew(pictures: Path, whole: RunFolder, tmp_path: Path) -> None:
    run = climb_rung(pictures, _recipe(), out=tmp_path / "run", runs=tmp_path, display=Silent())
    for file in (run.last_file, run.best_file, run.scores_file, run.metrics_file):
        file.unlink()
    run.update(status="running")
    _same_end(whole, resume_rung(run.path, display=Silent()))
