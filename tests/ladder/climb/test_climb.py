"""Whole climbs of tiny networks: what is made, reused, gone on with, skipped and told."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import binomtest

import toprung
from tests.pictures import make_pictures
from toprung.errors import DataError, RunError
from toprung.ladder.climb.api import Climb
from toprung.ladder.climb.place import holding
from toprung.runs.folder import RunFolder

LADDER = """
description = "Tiny."
settings = {"data.cache" = "off", "model.img_size" = 32, "hardware.precision" = "fp32"}

[[rung]]
name = "probe"
model = "test_resnet"
weights = "none"
preset = "probe"
settings = {"probe.head" = "linear"}

[[rung]]
name = "net"
model = "test_resnet"
weights = "none"
preset = "quick"
settings = {"schedule.epochs" = 2, "optimisation.batch_size" = 8}
seeds = 2
min_epochs = 1

[[rung]]
name = "lost"
model = "test_resnet"
weights = "nowhere.pth"

[[rung]]
name = "unknown"
model = "resnet_of_nobody"
weights = "none"

[[rung]]
name = "after-lost"
from = "lost"

[[rung]]
name = "swa"
from = "best"
preset = "swa"
settings = {"schedule.epochs" = 1}

[[rung]]
name = "soup"
kind = "soup"
of = ["net", "swa"]
method = "uniform"
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("pictures"), per_class=20)


@pytest.fixture(scope="module")
def ladder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("ladder") / "tiny.toml"
    file.write_text(LADDER, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def climbed(pictures: Path, ladder: Path, tmp_path_factory: pytest.TempPathFactory) -> Climb:
    return toprung.climb(pictures, ladder=str(ladder), runs=tmp_path_factory.mktemp("runs"), progress=False)


def statuses(climb: Climb) -> dict[str, str]:
    """Return rung -> status."""
    return {rung["name"]: rung["status"] for rung in climb.record["rungs"]}


def rung(climb: Climb, name: str) -> dict[str, object]:
    """Return the record of a rung."""
    return next(one for one in climb.record["rungs"] if one["name"] == name)


def weights(climb: Climb, run: str) -> dict[str, torch.Tensor]:
    """Return the weights of a run."""
    return load_file(RunFolder(climb.path / run).best_file)


def test_each_rung_ends_and_says_how(climbed: Climb) -> None:
    assert statuses(climbed) == {
        "probe": "finished",
        "net": "finished",
        "lost": "skipped",
        "unknown": "failed",
        "after-lost": "skipped",
        "swa": "finished",
        "soup": "finished",
    }
    assert "nowhere.pth" in str(rung(climbed, "lost")["reason"])
    assert "resnet_of_nobody" in str(rung(climbed, "unknown")["error"])
    assert rung(climbed, "after-lost")["reason"] == "needs lost, which was skipped"
    assert list(climbed.runs) == ["probe", "net-seed0", "net-seed1", "swa", "soup"]


def test_all_runs_share_their_pictures_and_splits(climbed: Climb) -> None:
    hashes = {RunFolder(run.path).record()["data"]["hash"] for run in climbed.runs.values() if "soup" not in str(run)}
    assert hashes == {climbed.record["data_hash"]}
    assert climbed.record["splits"] == {"train": 42, "val": 9, "test": 9}
    tests = {run.predictions("test").hashes for run in climbed.runs.values()}
    assert len({frozenset(one) for one in tests}) == 1
    assert not {*climbed.runs["probe"].predictions("val").hashes} & {*climbed.runs["probe"].predictions("test").hashes}


def test_seeds_differ_and_averaging_starts_from_the_best(climbed: Climb) -> None:
    first, second = (weights(climbed, f"net-seed{seed}") for seed in (0, 1))
    assert any(not torch.equal(first[name], second[name]) for name in first)
    scores = {name: climbed.runs[name].scores["val"] for name in ("net-seed0", "net-seed1")}
    best = max(scores, key=lambda name: (scores[name]["accuracy"]["value"], -scores[name]["log_loss"]["value"]))
    assert climbed.runs["swa"].recipe.model.weights == str(climbed.path / best)


def test_the_winner_is_chosen_on_val(climbed: Climb) -> None:
    """Nine pictures can tell hardly any runs apart, so the log-loss decides among those that they cannot."""
    said = {name: run.predictions("val") for name, run in climbed.runs.items()}
    right = {name: dict(zip(one.hashes, one.predicted == one.labels, strict=True)) for name, one in said.items()}
    scores = {name: run.scores["val"] for name, run in climbed.runs.items()}
    best = max(scores, key=lambda name: (scores[name]["accuracy"]["value"], -scores[name]["log_loss"]["value"]))
    changed = {
        name: [sum(right[best][h] > own[h] for h in own), sum(right[best][h] < own[h] for h in own)]
        for name, own in right.items()
    }
    alike = [name for name, (b, c) in changed.items() if b + c == 0 or binomtest(b, b + c, 0.5).pvalue >= 0.05]
    assert climbed.winner.path.name == min(alike, key=lambda name: scores[name]["log_loss"]["value"])
    assert climbed.record["winner"]["chosen_on"] == "val"


def test_the_command_of_a_rung_trains_the_same_weights(climbed: Climb, tmp_path: Path) -> None:
    command = str(rung(climbed, "net")["command"]).split()
    assert command[:2] == ["toprung", "train"]
    done = subprocess.run(
        [sys.executable, "-m", *command, "--out", str(tmp_path / "again")], check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    again, first = load_file(RunFolder(tmp_path / "again").best_file), weights(climbed, "net-seed0")
    assert all(torch.equal(again[name], first[name]) for name in first)


def test_what_is_there_is_reused(climbed: Climb, pictures: Path, ladder: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in climbed.path.rglob("model.safetensors")}
    again = toprung.climb(pictures, ladder=str(ladder), runs=climbed.path.parent, progress=False)
    assert again.path == climbed.path
    assert set(statuses(again).values()) == {"reused", "skipped", "failed"}
    assert {file: file.stat().st_mtime_ns for file in climbed.path.rglob("model.safetensors")} == before


def test_a_changed_rung_is_trained_anew_and_so_is_what_hangs_on_it(
    climbed: Climb, pictures: Path, ladder: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "tiny.toml"
    text = ladder.read_text(encoding="utf-8").replace('"schedule.epochs" = 1', '"schedule.epochs" = 2')
    changed.write_text(text, encoding="utf-8")
    before = weights(climbed, "swa")
    again = toprung.climb(pictures, ladder=str(changed), out=climbed.path, progress=False)
    assert [statuses(again)[name] for name in ("probe", "net", "swa", "soup")] == [
        "reused", "reused", "finished", "finished",
    ]  # fmt: skip
    assert rung(again, "swa")["runs"] == ["swa-2"]
    assert all(torch.equal(before[name], value) for name, value in weights(climbed, "swa").items())


def test_a_budget_cuts_epochs_or_skips_with_the_reason(pictures: Path, ladder: Path, tmp_path: Path) -> None:
    found = toprung.climb(
        pictures, ladder=str(ladder), budget=16, settings={"schedule.epochs": 4000}, runs=tmp_path, progress=False
    )
    net = rung(found, "net")
    assert net["status"] in ("finished", "skipped")
    if net["status"] == "finished":
        assert found.runs["net-seed0"].recipe.schedule.epochs < 4000
    assert rung(found, "swa")["status"] == "skipped"
    assert "of the budget" in str(rung(found, "swa")["reason"]) or "none was trained" in str(
        rung(found, "swa")["reason"]
    )
    assert found.record["spent_seconds"] <= 40


def test_a_killed_climb_goes_on_to_the_same_weights(
    climbed: Climb, pictures: Path, ladder: Path, tmp_path: Path
) -> None:
    """SIGKILL while the second seed trains; the first is kept, the second resumed, and the rest climbed."""
    out = tmp_path / "tiny"
    words = [sys.executable, "-m", "toprung", "climb", str(pictures), "--ladder", str(ladder), "--out", str(out)]
    climb = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    last = out / "net-seed1" / "checkpoints" / "last.pt"
    while not last.is_file():
        assert climb.poll() is None
        time.sleep(0.01)
    climb.kill()
    climb.wait()
    done = None
    for _ in range(100):  # the child of the killed climb holds the folder until it has ended
        done = subprocess.run(
            [sys.executable, "-m", "toprung", "climb", "--resume", str(out)],
            check=False,
            capture_output=True,
            text=True,
        )
        if "another climb is at work" not in done.stderr:
            break
        time.sleep(0.1)
    assert done is not None
    assert done.returncode == 0, done.stderr
    resumed = Climb(out)
    assert statuses(resumed)["probe"] == "reused"
    for name in ("net-seed0", "net-seed1", "swa"):
        first, second = weights(climbed, name), weights(resumed, name)
        assert all(torch.equal(first[key], second[key]) for key in first), name
    assert resumed.record["spent_seconds"] > 0


def test_ctrl_c_says_how_to_go_on(pictures: Path, ladder: Path, tmp_path: Path) -> None:
    out = tmp_path / "tiny"
    words = [sys.executable, "-m", "toprung", "climb", str(pictures), "--ladder", str(ladder), "--out", str(out)]
    climb = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not (out / "probe" / "run.json").is_file():
        time.sleep(0.02)
    climb.send_signal(signal.SIGINT)
    _, said = climb.communicate()
    assert climb.returncode == 130
    assert f"continue with: toprung climb --resume {out}" in said
    assert json.loads((out / "climb.json").read_text())["status"] == "interrupted"


def test_rungs_run_side_by_side(pictures: Path, ladder: Path, tmp_path: Path, climbed: Climb) -> None:
    found = toprung.climb(pictures, ladder=str(ladder), devices="cpu,cpu", runs=tmp_path, progress=False)
    assert statuses(found) == {name: status.replace("reused", "finished") for name, status in statuses(climbed).items()}
    assert (found.path / "logs" / "probe.log").stat().st_size > 0
    assert found.runs["net-seed0"].recipe.hardware.device == "cpu"


def test_one_climb_at_a_time(climbed: Climb, pictures: Path, ladder: Path) -> None:
    with holding(climbed.path), pytest.raises(RunError, match="another climb is at work in"):
        toprung.climb(pictures, ladder=str(ladder), out=climbed.path, progress=False)


def test_a_folder_of_something_else_is_left_alone(pictures: Path, ladder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match="is no climb; choose another --out"):
        toprung.climb(pictures, ladder=str(ladder), out=tmp_path, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        toprung.climb(tmp_path / "nowhere", runs=tmp_path, progress=False)
