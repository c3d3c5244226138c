"""Climbing as a function of the Python API."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toprung.errors import RunError
from toprung.ladder.climb.climb import Request
from toprung.ladder.climb.climb import climb as climb_ladder
from toprung.ladder.climb.devices import parse_devices
from toprung.ladder.climb.ladder_file import read_ladder
from toprung.ladder.climb.record import ClimbRecord
from toprung.ladder.climb.times import parse_time
from toprung.ladder.display import RichDisplay, Silent
from toprung.ladder.run import Run


class Climb:
    """A climb on disk; made by :func:`toprung.climb`.

    Args:
        path: its folder.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``, for predicting.

    Raises:
        RunError: no climb, damaged, or from a newer version.
    """

    def __init__(self, path: Path | str, *, device: str = "auto") -> None:
        self._record = ClimbRecord.open(Path(path))
        self._device = device

    def __repr__(self) -> str:
        return f"Climb({str(self.path)!r}, {self.record.get('status')})"

    @property
    def path(self) -> Path:
        """The climb's folder."""
        return self._record.folder

    @property
    def record(self) -> dict[str, Any]:
        """``climb.json``: status, splits, rungs with their runs, winner."""
        return self._record.content

    @property
    def runs(self) -> dict[str, Run]:
        """The finished runs by name, in the ladder's order."""
        found = [run for rung in self._record.rungs() for run in self._record.finished_runs(rung["name"])]
        return {run.path.name: Run(run.path, device=self._device) for run in found}

    @property
    def winner(self) -> Run:
        """The run that was best on the selection split; it predicts, and its test score was not chosen.

        Raises:
            RunError: no rung finished.
        """
        found = self.record.get("winner")
        if not found:
            raise RunError(f"no rung of {self.path} came to its end; `toprung board {self.path}` tells why.")
        return Run(self.path / found["run"], device=self._device)


def climb(
    source: Path | str,
    *,
    ladder: str = "quick",
    budget: str | float | None = None,
    weights_dir: Path | str | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    folds: int = 0,
    final: str = "ensemble",
    devices: str | None = None,
    out: Path | str | None = None,
    runs: Path | str = "runs",
    progress: bool = True,
) -> Climb:
    """Climb a ladder on labelled pictures; the command ``toprung climb`` as a function.

    Args:
        source: folder of class folders, folder of train/val/test folders, CSV or Parquet file.
        ladder: name of a shipped ladder, or a TOML file.
        budget: seconds, or a text such as ``30m``; ``None`` for the ladder's own.
        weights_dir: folder of weights files that rungs start from.
        settings: dotted names to values, for every trained rung.
        seed: of split, order, augmentation and fresh weights.
        folds: train every rung by so many folds, 0 for once.
        final: what becomes of the folds' models: ``ensemble`` or ``refit``.
        devices: where rungs run side by side, such as ``cuda:0,cuda:1``; ``None`` for one after another.
        out: the climb's folder; ``None`` for one below ``runs``. Where it holds the same climb, that goes on.
        runs: where climbs stand.
        progress: show what happens on the terminal.

    Returns:
        The finished climb.

    Raises:
        ToprungError: the pictures, the ladder, the weights or the place cannot be used. A rung that fails does not
            raise: its error stands in ``climb.record`` and on the board.
    """
    request = Request(
        source=Path(source),
        ladder=read_ladder(ladder),
        out=None if out is None else Path(out),
        runs=Path(runs),
        budget=parse_time(str(budget)) if budget is not None else None,
        weights_dir=None if weights_dir is None else Path(weights_dir),
        settings=dict(settings or {}),
        seed=seed,
        devices=parse_devices(devices),
        folds=folds,
        final=final,
    )
    record = climb_ladder(request, RichDisplay() if progress else Silent())
    return Climb(record.folder)
