"""A run is heard of epoch by epoch, and ends when its listener wants no more of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.pictures import make_pictures
from toprung.ladder.board import read_board
from toprung.ladder.display import Silent
from toprung.ladder.listening import Listening
from toprung.ladder.rung import climb_rung, resume_rung
from toprung.runs.folder import RunFolder
from toprung.training.events import EpochEvent
from toprung.training.interrupt import Pruned
from toprung.training.presets import compose

SETTINGS = {
    "model.name": "test_vit",
    "model.weights": "none",
    "schedule.epochs": 3,
    "optimisation.batch_size": 12,
    "hardware.precision": "fp32",
}


def test_a_pruned_run_keeps_its_best_model_and_can_still_be_ended(tmp_path: Path) -> None:
    pictures = make_pictures(tmp_path / "pictures", per_class=6)
    recipe = compose("quick", SETTINGS)
    heard: list[EpochEvent] = []

    def listen(event: EpochEvent) -> None:
        heard.append(event)
        if event.epoch == 2:
            raise Pruned("no better than the others after epoch 2.")

    with pytest.raises(Pruned, match="after epoch 2"):
        climb_rung(pictures, recipe, out=tmp_path / "run", runs=tmp_path, display=Listening(Silent(), listen))
    run = RunFolder.open(tmp_path / "run")
    assert [event.epoch for event in heard] == [1, 2]
    assert run.record()["status"] == "pruned"
    assert run.record()["error"] == "no better than the others after epoch 2."
    assert run.best_file.is_file()
    assert not run.scores_file.exists()
    lines = [json.loads(line) for line in run.metrics_file.read_text().splitlines()]
    assert [line["epoch"] for line in lines if line["kind"] == "epoch"] == [1, 2]

    whole = climb_rung(pictures, recipe, out=tmp_path / "whole", runs=tmp_path, display=Silent())
    ended = resume_rung(run.path, display=Silent())
    first, second = load_file(whole.best_file), load_file(ended.best_file)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert ended.record()["status"] == "finished"
    assert read_board(tmp_path) is not None
