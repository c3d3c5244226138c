"""From a recipe and an amount of memory to the way to train that fits: the model whole, the batch as asked."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import torch
from timm.data import resolve_model_data_config
from torch import nn

from toprung.errors import ModelError, RecipeError
from toprung.models.catalogue import build_empty, is_convolutional, parameter_count
from toprung.training.checkpointing import has_grad_checkpointing, set_grad_checkpointing
from toprung.training.device_memory import free_memory
from toprung.training.eight_bit import ADAMW, is_installed
from toprung.training.hardware import resolve_device
from toprung.training.layers import layer_numbers
from toprung.training.memory_estimate import MemoryEstimate, estimate_memory
from toprung.training.memory_plan import Choice, Means, Unfittable, choose
from toprung.training.recipe import Recipe
from toprung.training.sizes import format_size
from toprung.training.stages import stage_recipes
from toprung.training.start import build_arguments
from toprung.training.trial_step import TrialBatch

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Plan:
    """How to train a model in the memory there is.

    Attributes:
        recipe: what was asked for.
        device: ``cpu``, ``cuda`` or ``mps``.
        memory: bytes to fit in.
        parameters: of the model.
        blocks: of the model; 0 where it does not tell them. All are trained or kept, none is cut.
        size: height and width in pixels.
        choice: what fits.
        estimate: its memory.
        options: further means that are not to be had here, in words.
    """

    recipe: Recipe
    device: str
    memory: int
    parameters: int
    blocks: int
    size: tuple[int, int]
    choice: Choice
    estimate: MemoryEstimate
    options: tuple[str, ...]


def plan_training(
    recipe: Recipe, *, classes: int, memory: int | None = None, device: str = "auto", processes: int = 1
) -> Plan:
    """Find the mildest means by which a model trains in ``memory``.

    Args:
        recipe: model, effective batch and everything else.
        classes: outputs of the classifier.
        memory: bytes of one device; ``None`` for what this machine's has free.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``; one that this machine lacks can be planned for with ``memory``.
        processes: how many train together, each on a device of its own.

    Raises:
        RecipeError: the batch cannot be shared by the processes, the device is not here and no memory is given, or
            nothing fits; the message says what would be needed.
        ModelError: unknown model, or arguments that it does not take.
    """
    batch = recipe.optimisation.batch_size
    if batch % processes:
        raise RecipeError(f"a batch of {batch} cannot be shared equally by {processes} processes; use a multiple.")
    chosen = device if memory is not None and device != "auto" else resolve_device(device)
    available = free_memory(chosen) if memory is None else memory
    module = build_empty(recipe.model.name, classes, build_arguments(recipe.model))
    asker = _Asker(module, recipe, chosen, classes, batch // processes, processes)
    ways = _ways(recipe, chosen, module)
    outcome = choose(
        ways,
        _frozen(ways[-1], asker.blocks) if recipe.optimisation.freeze == "none" and not recipe.stages else [],
        pictures=batch // processes,
        processes=processes,
        budget=available,
        needed=lambda means, micro: asker.estimate(means, micro).needed,
    )
    if isinstance(outcome, Unfittable):
        raise RecipeError(_too_small(recipe, outcome, available, chosen))
    estimate = asker.estimate(outcome.means, outcome.micro_batch)
    return Plan(
        recipe=recipe,
        device=chosen,
        memory=available,
        parameters=parameter_count(module),
        blocks=asker.blocks,
        size=asker.size,
        choice=outcome,
        estimate=estimate,
        options=_options(chosen, outcome, estimate),
    )


class _Asker:
    """Estimates the memory of ways to train one model, each once."""

    def __init__(
        self, module: nn.Module, recipe: Recipe, device: str, classes: int, pictures: int, processes: int
    ) -> None:
        self._module, self._recipe, self._device = module, recipe, device
        self._classes, self._pictures, self._processes = classes, pictures, processes
        side = recipe.model.img_size
        height, width = (side, side) if side else resolve_model_data_config(module)["input_size"][1:]
        self.size = int(height), int(width)
        self.blocks = _blocks(module)
        self.estimate = functools.cache(self._estimate)

    def _estimate(self, means: Means, micro_batch: int) -> MemoryEstimate:
        if self._recipe.hardware.grad_checkpointing or means.grad_checkpointing:
            set_grad_checkpointing(self._module, on=True)
        else:
            set_grad_checkpointing(self._module, on=False)
        batch = TrialBatch(self._pictures, micro_batch, self.size, self._classes)
        estimates = [
            estimate_memory(
                self._module,
                stage,
                batch,
                device=self._device,
                dtype=DTYPES[means.precision],
                channels_last=is_convolutional(self._module),
                processes=self._processes,
            )
            for stage in stage_recipes(applied(self._recipe, means))
        ]
        return max(estimates, key=lambda one: one.peak)


def applied(recipe: Recipe, means: Means) -> Recipe:
    """Return the recipe with the means taken."""
    return recipe.with_settings(
        {
            "hardware.precision": means.precision,
            "hardware.grad_checkpointing": means.grad_checkpointing,
            "optimisation.optimizer": means.optimizer,
            "optimisation.freeze": means.freeze,
        }
    )


def _ways(recipe: Recipe, device: str, module: nn.Module) -> list[Means]:
    settings, hardware = recipe.optimisation, recipe.hardware
    means = Means(_precision(recipe, device), hardware.grad_checkpointing, settings.optimizer, settings.freeze)
    ways = [means]
    if not means.grad_checkpointing and has_grad_checkpointing(module):
        means = replace(means, grad_checkpointing=True)
        ways.append(means)
    if hardware.precision == "auto" and means.precision == "fp32" and device == "cpu":
        means = replace(means, precision="bf16")
        ways.append(means)
    if device == "cuda" and means.optimizer == "adamw" and is_installed():
        ways.append(replace(means, optimizer=ADAMW))
    return ways


def _precision(recipe: Recipe, device: str) -> str:
    """Return what training computes in; for ``auto`` on a GPU that is not here, bf16."""
    if recipe.hardware.precision != "auto":
        return recipe.hardware.precision
    if device != "cuda":
        return "fp32"
    if torch.cuda.is_available() and not torch.cuda.is_bf16_supported(including_emulation=False):
        return "fp16"
    return "bf16"


def _frozen(means: Means, blocks: int) -> list[Means]:
    """Return freezing, from the first block on, to all but the head."""
    frozen = [f"blocks:{number}" for number in range(1, blocks + 1)]
    return [replace(means, freeze=freeze) for freeze in [*frozen, "backbone"]]


def _blocks(module: nn.Module) -> int:
    try:
        return max(layer_numbers(module).values()) - 1
    except ModelError:
        return 0


def _options(device: str, choice: Choice, estimate: MemoryEstimate) -> tuple[str, ...]:
    """Return what else saves memory where something had to be done, in words."""
    means = choice.means
    if means.freeze == "none" and not means.grad_checkpointing:
        return ()
    options = []
    if estimate.findings.average:
        size = format_size(estimate.findings.average)
        options.append(f"no averaged weights (averaging.ema_decay=0, averaging.swa=false) save {size}")
    if device == "cuda" and means.optimizer == "adamw" and not is_installed():
        options.append(
            f"pip install bitsandbytes and --set optimisation.optimizer={ADAMW} keep AdamW's state in a quarter"
        )
    return tuple(options)


def _too_small(recipe: Recipe, outcome: Unfittable, memory: int, device: str) -> str:
    means = outcome.means
    done = [
        means.precision,
        *(["gradient checkpointing"] if means.grad_checkpointing else []),
        means.optimizer,
        *([] if means.freeze == "none" else [f"optimisation.freeze={means.freeze}"]),
    ]
    return (
        f"{recipe.model.name} does not train in {format_size(memory)} on {device}: the least it needs is "
        f"{format_size(math.ceil(outcome.needed))}, with one picture at a time, {', '.join(done)}."
    )
