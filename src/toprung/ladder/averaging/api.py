"""Averaging as a function of the Python API."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toprung.errors import RunError
from toprung.ladder.averaging.average import WEIGHTS_SUFFIX, average_runs
from toprung.ladder.averaging.methods import make_method
from toprung.ladder.display import RichDisplay, Silent
from toprung.ladder.run import Run


def average(
    models: Sequence[Path | str],
    *,
    method: str = "uniform",
    weights: Sequence[float] | None = None,
    decay: float | None = None,
    at: float | Sequence[float] | None = None,
    pictures: Path | str | None = None,
    out: Path | str | None = None,
    runs: Path | str = "runs",
    device: str = "auto",
    batch_size: int = 32,
    progress: bool = True,
) -> Run:
    """Average the weights of runs into a new run; the command ``toprung average`` as a function.

    Args:
        models: runs, their ``model`` folders, or weights files, of one architecture; one of them a run.
        method: ``uniform``, ``weighted``, ``exponential``, ``greedy`` or ``interpolate``.
        weights: of ``weighted``, one for each model.
        decay: of ``exponential``, in (0, 1); later models count more.
        at: of ``interpolate``, in [0, 1]: one place between the two models, or several to choose from.
        pictures: labelled pictures to choose and to score on; ``None`` for the first run's own.
        out: the run folder to make; ``None`` for a new one below ``runs``.
        runs: where runs stand.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        batch_size: pictures at a time.
        progress: show what happens on the terminal.

    Returns:
        The finished run; ``run.record["parents"]`` holds the models with their scores on the same pictures.

    Raises:
        ToprungError: for each thing that can be wrong with the models, pictures, options or disk.
    """
    if out is not None and Path(out).suffix == WEIGHTS_SUFFIX:
        raise RunError(f"{out} names a weights file and a run is made; give a folder, or use `toprung average`.")
    places = (at,) if isinstance(at, int | float) else at
    chosen = make_method(
        method,
        weights=None if weights is None else tuple(map(float, weights)),
        decay=decay,
        at=None if places is None else tuple(map(float, places)),
    )
    folder = average_runs(
        [Path(model) for model in models],
        chosen,
        pictures=None if pictures is None else Path(pictures),
        out=None if out is None else Path(out),
        runs=Path(runs),
        device=device,
        batch_size=batch_size,
        display=RichDisplay() if progress else Silent(),
    )
    return Run(folder.path, device=device)
