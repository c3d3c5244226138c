"""Fusing as a function of the Python API."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toprung.ladder.display import RichDisplay, Silent
from toprung.ladder.fusing.fuse import AUTO, fuse_runs
from toprung.ladder.run import Run


def fuse(
    members: Sequence[Path | str],
    *,
    method: str = AUTO,
    out: Path | str | None = None,
    runs: Path | str = "runs",
    copy: bool = False,
    tempered: bool = True,
    seed: int = 0,
    device: str = "auto",
    progress: bool = True,
) -> Run:
    """Fuse the answers of runs into a new run; the command ``toprung fuse`` as a function.

    Args:
        members: run folders that were scored on the same val pictures.
        method: ``auto``, ``mean-probabilities``, ``mean-logits``, ``weighted``, ``greedy``, ``stacking`` or ``vote``.
        out: the run folder to make; ``None`` for a new one below ``runs``.
        runs: where runs stand.
        copy: keep the members' models with the fused one, so that it can be moved without them.
        tempered: scale each member by its own temperature first.
        seed: of cross-fitting and of bags.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``, for predicting later.
        progress: show what happens on the terminal.

    Returns:
        The finished run; ``run.record["gain"]`` holds the gain over the best member.

    Raises:
        ToprungError: for each thing that can be wrong with the runs, the method or the disk.
    """
    folder = fuse_runs(
        [Path(member) for member in members],
        method=method,
        out=None if out is None else Path(out),
        runs=Path(runs),
        display=RichDisplay() if progress else Silent(),
        copy=copy,
        tempered=tempered,
        seed=seed,
    )
    return Run(folder.path, device=device)
