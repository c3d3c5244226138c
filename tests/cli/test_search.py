"""`toprung search` on tiny runs: killed and called again, the report split unseen, mistakes in one sentence."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.cli.command_line import toprung
from tests.pictures import make_pictures
from toprung.data.table_csv import read_table_csv
from toprung.training.recipe import Recipe

FAST = ["--model", "test_vit", "--weights", "none", "--preset", "quick"]
SETTINGS = ["hardware.precision=fp32", "schedule.epochs=3", "optimisation.batch_size=8", "data.test_fraction=0.2"]
SPACE = '"optimisation.base_lr" = {low = 1e-5, high = 1e-2, log = true}\n"model.img_size" = [32, 33, 160]\n'


def arguments(pictures: Path, tmp_path: Path, out: Path) -> list[str]:
    (tmp_path / "space.toml").write_text(SPACE)
    sets = [word for setting in SETTINGS for word in ("--set", setting)]
    space = ["--space", str(tmp_path / "space.toml")]
    return ["search", str(pictures), *FAST, *sets, *space, "--trials", "4", "--out", str(out)]


def lines(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as file:
        return [{k: v for k, v in line.items() if k != "seconds"} for line in csv.DictReader(file)]


def test_killed_in_a_trial_it_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    pictures = make_pictures(tmp_path / "pictures", per_class=10)
    whole = toprung(*arguments(pictures, tmp_path, tmp_path / "whole"))
    assert whole.code == 0, whole
    out = tmp_path / "killed"
    process = subprocess.Popen(
        [sys.executable, "-m", "toprung", *arguments(pictures, tmp_path, out)], stdout=subprocess.PIPE, text=True
    )
    while process.poll() is None and not list(out.glob("trials/*/checkpoints/last.pt")):
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    again = toprung(*arguments(pictures, tmp_path, out))
    assert again.code == 0, again
    assert lines(out) == lines(tmp_path / "whole")
    assert "too good an estimate" in again.out
    assert "toprung train" in again.out
    assert Recipe.read(out / "best.toml") == Recipe.read(tmp_path / "whole" / "best.toml")
    test = set(read_table_csv(out / "data" / "all.csv").split("test").hashes)
    assert test
    for run in (out / "trials").glob("[0-9]*"):
        record = json.loads((run / "run.json").read_text())
        assert record["status"] in ("finished", "pruned", "failed")
        assert not test & set(read_table_csv(run / "data" / "table.csv").hashes)
        assert not (run / "predictions" / "test.npz").exists()


def test_mistakes(tmp_path: Path) -> None:
    pictures = make_pictures(tmp_path / "pictures", per_class=4)
    space = tmp_path / "space.toml"
    common = ["search", pictures, *FAST, "--space", space, "--out", tmp_path / "out"]
    assert "there is no space file" in toprung(*common).err
    space.write_text('"model.atention" = ["se"]')
    done = toprung(*common)
    assert done.code == 2
    assert "there is no setting 'model.atention'" in done.err
    assert not (tmp_path / "out").exists()
    space.write_text(SPACE)
    assert "is not a time" in toprung(*common, "--budget", "soon").err
