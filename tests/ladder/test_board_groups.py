"""Who cannot be told apart from the best, by paired tests; looks, seeds, rungs that left no run, and watching."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from tests.ladder.make_run import make_predictions
from toprung.errors import RunError
from toprung.evaluation.metrics import score
from toprung.evaluation.predictions import Predictions
from toprung.ladder.board import print_board, read_board
from toprung.ladder.board_groups import facts
from toprung.ladder.board_watch import watch_board
from toprung.runs.folder import RunFolder

CLASSES = ("ant", "bee", "cat")


def add_run(runs: Path, name: str, said: Predictions, *, seed: int = 0) -> None:
    """Write a finished run that said this of its test pictures."""
    run = RunFolder.create(runs / name, {"status": "finished", "model": "resnet18"})
    run.write_json(run.scores_file, {"test": score(said)})
    run.predictions_file("test").parent.mkdir()
    run.predictions_file("test").write_bytes(said.to_bytes())
    run.recipe_file.write_text(f'preset = "quick"\nseed = {seed}\n[model]\nname = "{name.split("-", maxsplit=1)[0]}"\n')


def changed(said: Predictions, rows: list[int], *, right: bool) -> Predictions:
    """Return predictions that answer some pictures right, or wrong."""
    logits = said.logits.copy()
    for row in rows:
        wanted = said.labels[row] if right else (said.labels[row] + 1) % len(CLASSES)
        logits[row] = np.eye(len(CLASSES))[wanted] * 10
    return Predictions(said.paths, said.hashes, said.labels, logits, said.classes)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A best run, one that is three pictures behind, and one that is 40 behind, all the same pictures otherwise."""
    base = changed(make_predictions(CLASSES, 300, seed=0), list(range(300)), right=True)
    add_run(tmp_path, "best", base)
    add_run(tmp_path, "near", changed(base, list(range(3)), right=False))
    add_run(tmp_path, "far", changed(base, list(range(40)), right=False))
    return tmp_path


def test_the_group_is_told_by_pairs(runs: Path) -> None:
    rows = {row.name: row for row in read_board(runs)}
    assert (rows["best"].rank, rows["best"].tied, rows["best"].p_value) == (1, False, None)
    assert rows["near"].tied
    assert rows["near"].p_value == pytest.approx(0.25)  # 2 / 2^3: the largest of the three p-values, times one
    assert not rows["far"].tied
    assert (rows["far"].p_value or 1) < 1e-6


def test_overlapping_intervals_can_be_told_apart_by_pairs(tmp_path: Path) -> None:
    """Both are right on about 80 %, but one is never right where the other is wrong."""
    base = changed(make_predictions(CLASSES, 300, seed=0), list(range(300)), right=True)
    add_run(tmp_path, "first", changed(base, list(range(55)), right=False))
    add_run(tmp_path, "second", changed(base, list(range(65)), right=False))
    rows = {row.name: row for row in read_board(tmp_path)}
    assert (rows["second"].high or 0) > (rows["first"].low or 1)
    assert not rows["second"].tied


def test_looks_seeds_and_what_could_be_shown(runs: Path) -> None:
    said = Predictions.read(RunFolder(runs / "best").predictions_file("test"))
    add_run(runs, "net-seed0", changed(said, list(range(30)), right=False), seed=0)
    add_run(runs, "net-seed1", changed(said, list(range(60)), right=False), seed=1)
    (found,) = facts(read_board(runs))
    assert (found.split, found.pictures, found.looks) == ("test", 300, 5)
    (spread,) = found.spreads
    assert spread.names == ("net-seed0", "net-seed1")
    assert spread.mean == pytest.approx(0.85)
    assert spread.deviation == pytest.approx(0.1 / np.sqrt(2))
    assert 0 < (found.smallest_difference or 0) < 0.2
    console = Console(file=io.StringIO(), width=160)
    print_board(read_board(runs), console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "the 300 test pictures have been looked at 5 times, once for each run" in text
    assert "standard deviation 7.1 points" in text


def test_rungs_that_left_no_run_stand_on_the_board(runs: Path) -> None:
    rungs = [
        {"name": "best", "status": "finished", "runs": ["best"]},
        {"name": "big", "status": "skipped", "runs": [], "reason": "needs 3 h"},
        {"name": "lost", "status": "failed", "runs": [], "error": "no weights"},
    ]
    (runs / "climb.json").write_text(
        json.dumps({"format": 1, "rungs": rungs, "winner": {"rung": "best", "run": "best"}})
    )
    rows = {row.name: row for row in read_board(runs)}
    assert rows["best"].chosen
    assert (rows["big"].status, rows["big"].error, rows["big"].rank) == ("skipped", "needs 3 h", None)
    assert (rows["lost"].status, rows["lost"].error) == ("failed", "no weights")


def test_watching_prints_changes_and_ends_with_the_climb(runs: Path) -> None:
    climb = runs / "climb.json"
    climb.write_text(json.dumps({"format": 1, "status": "running", "rungs": []}))
    console = Console(file=io.StringIO(), width=120)
    naps = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            said = Predictions.read(RunFolder(runs / "best").predictions_file("test"))
            add_run(runs, "late", said)
            climb.write_text(json.dumps({"format": 1, "status": "finished", "rungs": []}))

    watch_board(runs, split=None, console=console, sleep=sleep)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert len(naps) == 2
    assert text.count("best first") == 2  # at first, and when the run came
    assert "late" in text


def test_nothing_to_watch(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="to watch"):
        watch_board(tmp_path / "nowhere", split=None)
