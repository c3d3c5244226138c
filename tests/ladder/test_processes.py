"""Two real processes (gloo on the CPU) train as one with the same effective batch."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import torch
from safetensors.torch import load_file

from tests.pictures import make_pictures
from toprung.evaluation.predictions import Predictions

# Without chance beyond the loader's (dropout differs between processes by design), and in steps that do not
# magnify rounding: plain SGD.
SETTINGS = [
    "model.name=test_vit",
    "model.weights=none",
    "schedule.epochs=2",
    "schedule.warmup_epochs=0",
    "optimisation.batch_size=6",
    "optimisation.optimizer=sgd",
    "optimisation.lr=0.05",
    "hardware.precision=fp32",
    "hardware.device=cpu",
]


def _train(pictures: Path, out: Path, processes: int) -> None:
    launcher = [sys.executable, "-m"]
    if processes > 1:
        launcher += ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"]
    assignments = [f"--set={assignment}" for assignment in SETTINGS]
    command = [*launcher, "toprung", "train", str(pictures), "--preset=quick", "--out", str(out), *assignments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("page  ") == 1  # one process speaks


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    pictures = make_pictures(tmp_path / "p", per_class=11)
    _train(pictures, tmp_path / "one", 1)
    _train(pictures, tmp_path / "two", 2)
    one, two = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("one", "two"))
    for name in one:
        assert torch.allclose(one[name], two[name], atol=1e-4), name
    first, second = (Predictions.read(tmp_path / name / "predictions" / "val.npz") for name in ("one", "two"))
    assert first.paths == second.paths
    assert len(set(second.paths)) == len(second.paths)
    told = [json.loads(line) for line in (tmp_path / "two" / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in told if line["kind"] == "epoch"] == [1, 2]


def test_a_run_of_two_processes_goes_on_as_one(tmp_path: Path) -> None:
    pictures = make_pictures(tmp_path / "p", per_class=11)
    more = ["schedule.epochs=6", "hardware.checkpoint_minutes=0"]
    options = [f"--set={assignment}" for assignment in (*SETTINGS, *more)]
    train = ["toprung", "train", str(pictures), "--preset=quick", *options, "--out"]
    subprocess.run([sys.executable, "-m", *train, str(tmp_path / "one")], capture_output=True, check=True)
    launcher = ["torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m"]
    process = subprocess.Popen(
        [sys.executable, "-m", *launcher, *train, str(tmp_path / "two")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    records = tmp_path / "two" / "metrics.jsonl"
    while not (records.is_file() and '"step": 10,' in records.read_text()):
        assert process.poll() is None, "the run ended before its tenth step"
        time.sleep(0.01)
    workers = psutil.Process(process.pid).children(recursive=True)  # each in a session of its own
    for worker in [*workers, process]:
        worker.kill()
    psutil.wait_procs(workers)
    process.wait()
    assert json.loads((tmp_path / "two" / "run.json").read_text())["status"] == "running"
    resume = [sys.executable, "-m", "toprung", "train", "--resume", str(tmp_path / "two")]
    subprocess.run(resume, capture_output=True, check=True)
    one, two = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("one", "two"))
    for name in one:
        assert torch.allclose(one[name], two[name], atol=1e-4), name
