"""Pretraining as a function of the Python API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from toprung.ladder import pretraining
from toprung.ladder.display import RichDisplay, Silent
from toprung.ladder.run import Run
from toprung.training.presets import compose, require_kind


def pretrain(
    source: Path | str,
    *,
    model: str | None = None,
    weights: str | None = None,
    preset: str = "mae-pretrain-small",
    settings: dict[str, Any] | None = None,
    out: Path | str | None = None,
    runs: Path | str = "runs",
    progress: bool = True,
) -> Run:
    """Pretrain a ViT on pictures without labels; the command ``toprung pretrain`` as a function.

    Args:
        source: a folder of pictures, whatever folders are in it, or a CSV or Parquet file.
        model: a plain ViT of timm; ``None`` leaves the preset's.
        weights: ``none``, ``pretrained``, a file, or a run; ``None`` leaves the preset's.
        preset: ``mae-pretrain`` or ``mae-pretrain-small``.
        settings: dotted names to values, such as ``{"schedule.epochs": 100}``.
        out: the run folder to make; ``None`` for a new one below ``runs``.
        runs: where runs stand.
        progress: show what happens on the terminal.

    Returns:
        The finished run; its ``path`` is what ``toprung.train(..., weights=...)`` starts from.

    Raises:
        ToprungError: for each thing that can be wrong with the pictures, settings, weights or disk.
    """
    require_kind(preset, "pretraining")
    given = {"model.name": model, "model.weights": weights}
    wanted = {name: value for name, value in given.items() if value is not None} | (settings or {})
    display = RichDisplay() if progress else Silent()
    folder = None if out is None else Path(out)
    run = pretraining.pretrain(Path(source), compose(preset, wanted), out=folder, runs=Path(runs), display=display)
    return Run(run.path)
