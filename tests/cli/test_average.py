from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from tests.cli.command_line import toprung
from toprung.ladder.run import Run


def test_an_average_is_shown_beside_its_parents(run: Run, tmp_path: Path) -> None:
    done = toprung("average", run.path, run.path / "model", "--out", tmp_path / "mean", "--device", "cpu")
    assert done.code == 0, done.err
    assert "gained" in done.out
    assert "Not told apart from its best parent" in done.out
    assert "(p = 1)" in done.out
    assert toprung("board", tmp_path).out.count("mean") == 1
    assert toprung("validate", tmp_path / "mean").code == 0


def test_what_greedy_tried_is_shown(run: Run, tmp_path: Path) -> None:
    done = toprung("average", run.path, run.path / "model", "--method", "greedy", "--runs", tmp_path)
    assert done.code == 0, done.err
    assert "tried on the selection pictures" in done.out
    assert "no mean was better" in done.out
    assert (tmp_path / "test_vit-average-greedy" / "run.json").is_file()


def test_weights_files_become_a_weights_file(tmp_path: Path) -> None:
    for number in range(3):
        content = {"a": torch.full((4,), float(number)), "running_mean": torch.zeros(2), "count": torch.tensor(number)}
        torch.save({"model": content}, tmp_path / f"{number}.pth")
    files = [tmp_path / f"{number}.pth" for number in range(3)]
    out = tmp_path / "mean.safetensors"
    done = toprung("average", *files, "--method", "weighted", "--weights", "1,1,2", "--out", out)
    assert done.code == 0, done.err
    found = load_file(out)
    assert found["a"].tolist() == [1.25] * 4
    assert int(found["count"]) == 2
    assert "BATCHNORM" in done.out
    again = toprung("average", *files, "--out", out)
    assert again.code == 2
    assert "never overwritten" in again.err


def test_a_weights_file_cannot_be_chosen_on_pictures(tmp_path: Path) -> None:
    done = toprung("average", tmp_path, tmp_path, "--method", "greedy", "--out", tmp_path / "x.safetensors")
    assert done.code == 2
    assert "chooses on labelled pictures" in done.err
    done = toprung("average", tmp_path, tmp_path, "--pictures", tmp_path, "--out", tmp_path / "x.safetensors")
    assert done.code == 2
    assert "--pictures needs a run" in done.err


def test_numbers_that_are_none_are_a_usage_error(tmp_path: Path) -> None:
    done = toprung("average", tmp_path, tmp_path, "--at", "0.1;0.2")
    assert done.code == 2
    assert "0.2,0.8" in done.err
