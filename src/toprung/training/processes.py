"""One process or several: accelerate's state, made for the device and precision of a plan."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import ProjectConfiguration, broadcast_object_list

from toprung.errors import RecipeError
from toprung.training.hardware import HardwarePlan, resolve_device

# The first process reads and checks all pictures while the others wait.
PATIENCE = datetime.timedelta(hours=6)


def is_launched_as_many() -> bool:
    """Say whether ``torchrun`` or ``accelerate launch`` started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def join_others(device: str) -> bool:
    """Meet the other processes; say whether this one is the first, which alone writes and speaks.

    Args:
        device: as in the recipe.

    Raises:
        RecipeError: this machine has no such device.
    """
    state = PartialState(cpu=resolve_device(device) == "cpu", timeout=PATIENCE)
    return bool(state.is_main_process)


def tell_others(text: str) -> str:
    """Return the first process's text, in every process; all must call it."""
    told = [text]
    broadcast_object_list(told, from_process=0)
    return told[0]


def make_accelerator(plan: HardwarePlan, trackers: str, project: Path) -> Accelerator:
    """Return accelerate's accelerator for a plan, with TensorBoard and the trackers named.

    Accelerate keeps one state per process; a second run in the same process needs a fresh one.

    Raises:
        RecipeError: a tracker that accelerate does not know or that is not installed.
    """
    if not torch.distributed.is_initialized():
        PartialState._reset_state()
    AcceleratorState._reset_state()
    names = ["tensorboard", *(name.strip() for name in trackers.split(",") if name.strip())]
    try:
        return Accelerator(
            mixed_precision={"fp32": "no"}.get(plan.precision, plan.precision),
            cpu=plan.device == "cpu",
            log_with=names,
            project_config=ProjectConfiguration(project_dir=str(project), logging_dir=str(project / "tensorboard")),
        )
    except ValueError as error:
        raise RecipeError(f"hardware.trackers = {trackers!r} cannot be used: {error}") from error
