"""What the rungs of a climb are told: its pictures, its record, and what each of them may start from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toprung.errors import RunError
from toprung.ladder.climb.identity import file_mark
from toprung.ladder.climb.jobs import Job
from toprung.ladder.climb.ladder_file import ALL, BEST, RUNG_WEIGHTS, Ladder, Rung
from toprung.ladder.climb.record import DONE, ClimbRecord, val_score
from toprung.ladder.pictures import Pictures
from toprung.runs.folder import RunFolder

HERE = "\0"
"""In the command of a step, where the run's folder goes; no path can hold it."""


class NotNow(Exception):
    """A rung that cannot be climbed for want of another; ``str`` is the reason."""


class Step(ABC):
    """One run that a rung makes.

    Args:
        stem: name of its folder, where that is free.
        key: equal where making it again would give the same, but for the epochs that a budget cuts.
        command: that makes the same run, with :data:`HERE` for its folder.
    """

    resumable = True
    """Whether an interrupted run can go on; else it is made anew in another folder."""
    is_cut = False
    """Whether the budget took epochs away."""

    def __init__(self, stem: str, key: str, command: str) -> None:
        self.stem, self.key, self.command = stem, key, command

    @abstractmethod
    def job(self, run: Path, *, resume: bool) -> Job:
        """Return the work, to be done into the folder ``run``; ``resume`` where an interrupted run stands there."""

    def status(self, run: Path) -> str:
        """Return how far the work in a folder is, as ``run.json`` tells it; "" where nothing stands there."""
        try:
            return str(RunFolder(run).record().get("status"))
        except RunError:
            return ""

    def made(self, run: Path) -> list[Path]:
        """Return the runs that the work in a folder made."""
        return [run]


@dataclass
class Context:
    """All that steps are made from.

    Attributes:
        ladder: expanded.
        record: of the climb.
        pictures: gathered, split.
        data_hash: of them.
        shared: settings of all rungs, from the ladder.
        forced: settings of all rungs, from the command line; they win.
        seed: of the climb.
        weights: rung -> what it starts from in place of its own ``weights``.
        epochs: rung -> epochs that the budget allows, in place of its recipe's.
        precisions: rung -> precision that was settled when its speed was measured.
        folds: number of folds, by which every rung is trained; 0 for none.
        final: what becomes of the folds' models: ``ensemble`` or ``refit``.
    """

    ladder: Ladder
    record: ClimbRecord
    pictures: Pictures
    data_hash: str
    shared: Mapping[str, Any]
    forced: Mapping[str, Any]
    seed: int
    weights: dict[str, str] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    precisions: dict[str, str] = field(default_factory=dict)
    folds: int = 0
    final: str = "ensemble"

    @property
    def folder(self) -> Path:
        """The climb's folder."""
        return self.record.folder

    @property
    def table_file(self) -> Path:
        """The table of all pictures with their splits."""
        return RunFolder(self.folder).table_file

    def best_run_of(self, name: str) -> RunFolder:
        """Return the run of a finished rung that is best on the selection split.

        Raises:
            NotNow: the rung did not come to its end.
        """
        runs = self.record.finished_runs(name)
        if not runs:
            rung = self.record.rung(name)
            how = {"failed": "failed", "skipped": "was skipped"}.get(str((rung or {}).get("status")), "is not finished")
            raise NotNow(f"needs {name}, which {how}")
        return max(runs, key=val_score)

    def parent_of(self, rung: Rung) -> RunFolder | None:
        """Return the run that a rung goes on from, with its recipe; ``None`` for one that starts by itself.

        Raises:
            NotNow: there is none yet.
        """
        if not rung.start:
            return None
        if rung.start != BEST:
            return self.best_run_of(rung.start)
        trained = [run for run in self.runs_of((ALL,), before=rung.name) if is_trained_network(run)]
        if not trained:
            raise NotNow("starts from the best trained network, and none was trained")
        return max(trained, key=val_score)

    def weights_of(self, rung: Rung) -> str:
        """Return what a rung starts from, as ``--weights`` names it; "" for the preset's.

        Raises:
            NotNow: the rung whose weights it takes did not come to its end.
        """
        given = self.weights.get(rung.name, rung.weights)
        if given.startswith(RUNG_WEIGHTS):
            return str(self.best_run_of(given.removeprefix(RUNG_WEIGHTS)).path)
        return given

    def runs_of(self, members: Sequence[str], *, before: str) -> list[RunFolder]:
        """Return the finished runs of rungs, in the ladder's order.

        Args:
            members: names, or ``all`` for the trained rungs, their averages and soups that stand before.
            before: name of the rung that asks.

        Raises:
            NotNow: a named rung did not come to its end.
        """
        if ALL not in members:
            return [run for name in members for run in self.record.finished_runs(name) or [self.best_run_of(name)]]
        found: list[RunFolder] = []
        for rung in self.record.rungs():
            if rung["name"] == before:
                break
            if rung["status"] in DONE and rung["kind"] != "fusion":
                found += self.record.finished_runs(rung["name"])
        return found

    def key_of(self, run: RunFolder) -> str:
        """Return the key of a run of this climb."""
        for rung in self.record.rungs():
            for name, key in zip(rung["runs"], rung["keys"], strict=False):
                if self.folder / name == run.path:
                    return str(key)
        return run.path.name


def is_trained_network(run: RunFolder) -> bool:
    """Say whether a run trained its network, rather than a head on a frozen one or a mean of others."""
    record = run.record()
    return "probe" not in record and "parents" not in record and record.get("kind", "training") == "training"


def weights_mark(weights: str) -> str:
    """Return what tells two starting points apart: the content of a file, else the words for it.

    Raises:
        RunError, WeightsError: a file or package that cannot be read.
    """
    if weights.startswith("package:"):
        from toprung.checkpoints.files import locate_package_weights

        return file_mark(locate_package_weights(weights.removeprefix("package:")))
    path = Path(weights)
    if weights and weights not in ("pretrained", "none") and path.exists():
        model = path / "model" if (path / "run.json").is_file() else path
        return file_mark(model)
    return weights
