"""One process or several: accelerate's state, made for the device and precision of a plan."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DistributedType, ProjectConfiguration, broadcast_object_list

from toprung.errors import RecipeError, nearest
from toprung.training.hardware import HardwarePlan, resolve_device

# The first process reads and checks all pictures while the others wait.
PATIENCE = datetime.timedelta(hours=6)


def is_launched_as_many() -> bool:
    """Say whether ``torchrun`` or ``accelerate launch`` started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def process_count() -> int:
    """Return how many processes the launcher started."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def join_others(device: str) -> bool:
    """Meet the other processes; say whether this one is the first, which alone writes and speaks.

    Args:
        device: as in the recipe.

    Raises:
        RecipeError: this machine has no such device.
    """
    state = PartialState(cpu=resolve_device(device) == "cpu", timeout=PATIENCE)
    return bool(state.is_main_process)


def check_batch_size(batch_size: int) -> None:
    """Refuse a batch that the processes cannot share equally.

    Raises:
        RecipeError: naming both numbers.
    """
    processes = process_count()
    if batch_size % processes:
        raise RecipeError(
            f"optimisation.batch_size = {batch_size} cannot be shared equally by {processes} processes; "
            f"use a multiple of {processes}."
        )


def tell_others(text: str) -> str:
    """Return the first process's text, in every process; all must call it."""
    told = [text]
    broadcast_object_list(told, from_process=0)
    return told[0]


def check_trackers(trackers: str) -> None:
    """Refuse a tracker that accelerate does not know or that is not installed here; accelerate only skips it.

    Raises:
        RecipeError: naming it.
    """
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers

    known, available = [str(name) for name in LOGGER_TYPE_TO_CLASS], {str(name) for name in get_available_trackers()}
    for name in _names(trackers):
        if name not in known:
            raise RecipeError(
                f"hardware.trackers = {name!r} is not known; there are {', '.join(known)}.{nearest(name, known, 1)}"
            )
        if name not in available:
            raise RecipeError(f"hardware.trackers = {name!r} is not installed here; install the package {name} first.")


def _names(trackers: str) -> list[str]:
    return [name.strip() for name in trackers.split(",") if name.strip()]


def make_accelerator(plan: HardwarePlan, trackers: str, project: Path) -> Accelerator:
    """Return accelerate's accelerator for a plan, with TensorBoard and the trackers named.

    Accelerate keeps one state per process; a second run in the same process needs a fresh one.
    """
    if not torch.distributed.is_initialized():
        PartialState._reset_state()
    AcceleratorState._reset_state()
    accelerator = Accelerator(
        mixed_precision={"fp32": "no"}.get(plan.precision, plan.precision),
        cpu=plan.device == "cpu",
        log_with=["tensorboard", *(name for name in _names(trackers) if name != "tensorboard")],
        project_config=ProjectConfiguration(project_dir=str(project), logging_dir=str(project / "tensorboard")),
    )
    refuse_sharding(accelerator.distributed_type)
    return accelerator


def refuse_sharding(kind: DistributedType) -> None:
    """Refuse ways of training in which no process holds the whole model: checkpoints would hold a part of it.

    Raises:
        RecipeError: naming the way.
    """
    if kind in (DistributedType.FSDP, DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM):
        raise RecipeError(
            f"accelerate is configured for {kind.value}, which splits the model over processes; toprung saves whole "
            "models only. Use distributed_type MULTI_GPU; `toprung plan` tells how the model fits."
        )
