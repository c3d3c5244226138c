"""The state of a run between two steps: everything that resuming needs, in one file.

There is no generator state in it: every random number is drawn by seed and position (`toprung.seeding`), so the
step, epoch and batch say it all.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

from toprung.errors import RunError
from toprung.storage import explain, replacing

FORMAT = 1


@dataclass
class Progress:
    """Where the run stands.

    Attributes:
        step: optimiser steps taken.
        epoch: 0-based epoch under way.
        batch: batches of that epoch already trained on.
        loss_sum: sum of this epoch's losses, per picture.
        pictures: pictures of this epoch so far.
        seconds: time spent training, over all sittings.
        epoch_seconds: of that, in this epoch.
        micro_batch: pictures per forward pass, 0 for all.
        stage: 0-based stage under way.
        best_accuracy, best_loss, best_epoch, best_is_average: the best validation so far (epoch from 1).
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    loss_sum: float = 0.0
    pictures: int = 0
    seconds: float = 0.0
    epoch_seconds: float = 0.0
    micro_batch: int = 0
    best_accuracy: float = -1.0
    best_loss: float = float("inf")
    best_epoch: int = 0
    best_is_average: bool = False
    stage: int = 0


@dataclass
class TrainingState:
    """A checkpoint's contents: positions, and the state dicts of everything that has one."""

    progress: Progress
    model: dict[str, Any]
    optimizer: dict[str, Any]
    watch: dict[str, Any]
    average: dict[str, Any] | None = None
    average_updates: int = 0
    scaler: dict[str, Any] | None = None
    epoch_mean: dict[str, Any] | None = None
    format: int = field(default=FORMAT)


def save_state(file: Path, state: TrainingState) -> None:
    """Write a checkpoint in one step; when that fails, the one before stays whole.

    Raises:
        StorageError: full disk, or no permission.
    """
    content = {entry.name: getattr(state, entry.name) for entry in fields(state)}
    content["progress"] = asdict(state.progress)
    with replacing(file) as temporary:
        try:
            torch.save(content, temporary)
        except RuntimeError as error:  # torch's zip writer reports a full disk as a RuntimeError
            raise _as_os_error(error) from error


def _as_os_error(error: RuntimeError) -> Exception:
    import errno
    import os

    if isinstance(error.__cause__, OSError):
        return error.__cause__
    if isinstance(error.__context__, OSError):
        return error.__context__
    if any(word in str(error) for word in ("PytorchStreamWriter", "unexpected pos", "file write failed")):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return error


def load_state(file: Path) -> TrainingState:
    """Read a checkpoint; tensors only, nothing is executed.

    Raises:
        RunError: missing, damaged, or written by a newer version.
        StorageError: no permission to read it.
    """
    try:
        content = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError:
        raise RunError(f"{file} is missing: the run stopped before its first checkpoint; train it anew.") from None
    except PermissionError as error:
        raise explain(error, file, "read") from error
    except Exception as error:  # a damaged file makes torch's readers raise almost anything
        raise RunError(f"{file} is damaged or cut off; the run cannot be resumed.") from error
    if not isinstance(content, dict) or "format" not in content:
        raise RunError(f"{file} is no checkpoint of a run; the run cannot be resumed from it.")
    if content["format"] != FORMAT:
        raise RunError(f"{file} has format {content['format']}, this toprung reads {FORMAT}; update toprung.")
    try:
        return TrainingState(**{**content, "progress": Progress(**content["progress"])})
    except (TypeError, KeyError) as error:
        raise RunError(f"{file} is damaged ({error}); the run cannot be resumed.") from error
