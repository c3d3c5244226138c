"""Start a run with as many pictures per forward pass as fit, instead of running out of memory first.

On Linux this matters most on a CPU: there the system ends the process instead of telling it.
"""

from __future__ import annotations

import math

from torch import nn

from toprung.models.catalogue import parameter_count
from toprung.training.device_memory import free_memory
from toprung.training.hardware import HardwarePlan
from toprung.training.memory_estimate import MARGIN, estimate_memory
from toprung.training.recipe import Recipe
from toprung.training.sizes import format_size
from toprung.training.stages import stage_recipes
from toprung.training.trial_step import TrialBatch

# Activations of one picture take less than so many times its float32 pixels, in every model measured for
# docs/memory.md; where even that fits, nothing needs to be estimated.
_GENEROUS = 1000


def start_within_memory(
    recipe: Recipe, module: nn.Module, plan: HardwarePlan, *, size: tuple[int, int], classes: int, processes: int
) -> tuple[Recipe, tuple[str, ...]]:
    """Return the recipe with a micro-batch that fits the device's free memory, and a line that says so.

    A micro-batch that was given, and one that fits anyway, are left alone.

    Args:
        recipe: as asked for.
        module: the network, on the CPU; left as it was. Its own memory on a CPU is taken already.
        plan: device, precision, layout.
        size: height and width in pixels.
        classes: outputs of the classifier.
        processes: how many train together.
    """
    if recipe.optimisation.micro_batch:
        return recipe, ()
    free = free_memory(plan.device)
    pictures = max(stage.optimisation.batch_size for stage in stage_recipes(recipe)) // processes
    if _fits_surely(module, pictures, size, free):
        return recipe, ()

    def needed(micro_batch: int) -> int:
        batch = TrialBatch(pictures, micro_batch, size, classes)
        return max(
            math.ceil(
                MARGIN
                * estimate_memory(
                    module,
                    stage,
                    batch,
                    device=plan.device,
                    dtype=plan.dtype,
                    channels_last=plan.channels_last,
                    processes=processes,
                ).peak
            )
            for stage in stage_recipes(recipe)
        )

    whole = need = needed(pictures)
    micro_batch = pictures
    while need > free and micro_batch > 1:
        micro_batch = math.ceil(micro_batch / 2)
        need = needed(micro_batch)
    if micro_batch == pictures:
        return recipe, ()
    passes = math.ceil(pictures / micro_batch)
    doubt = "" if need <= free else "; even that may not fit, `toprung plan` knows what would"
    note = (
        f"memory     {format_size(free)} free, {pictures} pictures at once would need {format_size(whole)}: "
        f"{micro_batch} per forward pass, {passes} passes per step{doubt}; the effective batch stays"
    )
    return recipe.with_settings({"optimisation.micro_batch": micro_batch}), (note,)


def _fits_surely(module: nn.Module, pictures: int, size: tuple[int, int], free: int) -> bool:
    pixels = 4 * 3 * size[0] * size[1]
    weights = 4 * parameter_count(module)
    return _GENEROUS * pixels * pictures + 6 * weights < free
