"""The jobs that make runs: train, average, fuse."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toprung.ladder.display import Display
from toprung.ladder.pictures import Pictures
from toprung.runs.folder import RunFolder
from toprung.training.recipe import Recipe


@dataclass(frozen=True)
class TrainJob:
    """Train a run, or go on with one that was interrupted.

    Attributes:
        run: its folder.
        recipe: every setting.
        source: the table of the climb's pictures.
        pictures: of that table, looked through already.
        resume: the folder holds an interrupted run of this recipe.
    """

    run: Path
    recipe: Recipe
    source: Path
    pictures: Pictures
    resume: bool

    def perform(self, display: Display) -> dict[str, Any]:
        """Train, and measure what predicting with the model costs."""
        from toprung.ladder.rung import climb_rung, resume_rung

        if self.resume:
            resume_rung(self.run, display=display)
        else:
            climb_rung(
                self.source, self.recipe, out=self.run, runs=self.run.parent, display=display, pictures=self.pictures
            )
        return _ended(self.run)


@dataclass(frozen=True)
class SoupJob:
    """Average the weights of runs.

    Attributes:
        run: the folder to make.
        members: the runs.
        method: of ``toprung average``.
    """

    run: Path
    members: tuple[Path, ...]
    method: str

    def perform(self, display: Display) -> dict[str, Any]:
        """Average, and measure what predicting with the model costs."""
        from toprung.ladder.averaging.average import average_runs
        from toprung.ladder.averaging.methods import make_method

        return _timed(
            self.run,
            lambda: average_runs(
                list(self.members),
                make_method(self.method),
                pictures=None,
                out=self.run,
                runs=self.run.parent,
                device="auto",
                batch_size=32,
                display=display,
            ),
        )


def _timed(run: Path, make: Callable[[], object]) -> dict[str, Any]:
    began = time.monotonic()
    make()
    folder = RunFolder(run)
    if "seconds" not in folder.record():
        folder.update(seconds=round(time.monotonic() - began, 1))
    return _ended(run)


def _ended(run: Path) -> dict[str, Any]:
    """Write down what predicting costs, and return how long the run took."""
    from toprung.runs.prediction_cost import measure_prediction_cost

    folder = RunFolder.open(run)
    record = folder.record()
    folder.update(prediction_cost=measure_prediction_cost(folder.model) | {"parameters": record.get("parameters")})
    return {"seconds": record.get("seconds")}


@dataclass(frozen=True)
class FusionJob:
    """Fuse the answers of runs.

    Attributes:
        run: the folder to make.
        members: the runs.
        method: of ``toprung fuse``.
    """

    run: Path
    members: tuple[Path, ...]
    method: str

    def perform(self, display: Display) -> dict[str, Any]:
        """Fuse, and measure what predicting with the model costs."""
        from toprung.ladder.fusing.fuse import fuse_runs

        return _timed(
            self.run,
            lambda: fuse_runs(
                list(self.members), method=self.method, out=self.run, runs=self.run.parent, display=display
            ),
        )
