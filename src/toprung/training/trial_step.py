"""Optimiser steps on tensors without values, to see what memory real ones take."""

from __future__ import annotations

import contextlib
import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from toprung.training.eight_bit import EightBitStandIn, is_eight_bit
from toprung.training.freezing import Freezer, train_mode
from toprung.training.live_memory import Allocator, LiveMemory
from toprung.training.losses import classification, make_loss
from toprung.training.optimizer import make_optimizer
from toprung.training.parameters import parameter_groups
from toprung.training.recipe import Recipe


@dataclass(frozen=True)
class TrialBatch:
    """The pictures of one optimiser step in one process.

    Attributes:
        pictures: per step.
        micro_batch: per forward pass.
        size: height and width in pixels.
        classes: outputs of the classifier.
    """

    pictures: int
    micro_batch: int
    size: tuple[int, int]
    classes: int


@dataclass(frozen=True)
class TrialFindings:
    """Bytes seen in the trial.

    Attributes:
        parameters: with buffers.
        gradients: of all parameters that train.
        state: the optimiser's.
        average: a moving average's copy of the weights.
        pictures: the batch, as 8-bit and as float numbers, and its targets.
        activations: what the forward pass of one micro-batch leaves for the backward pass.
        live: the most that was alive at once.
    """

    parameters: int
    gradients: int
    state: int
    average: int
    pictures: int
    activations: int
    live: int


def run_trial(
    module: nn.Module,
    recipe: Recipe,
    batch: TrialBatch,
    allocator: Allocator,
    *,
    dtype: torch.dtype,
    channels_last: bool,
    foreach: bool,
    steps: int,
) -> TrialFindings:
    """Run a recipe's steps on a copy of ``module`` that has shapes and no values.

    Args:
        module: real or on ``meta``; left as it was. Gradient checkpointing is as it is set there.
        recipe: its optimiser, frozen part, loss, clipping and averaging are used.
        batch: the pictures.
        allocator: is asked for every tensor's memory, in the order of a real step.
        dtype: of autocast; float32 for none.
        channels_last: layout of the pictures.
        foreach: the optimiser updates all parameters at once, as torch's do on CUDA, with larger temporaries.
        steps: 2 to see the blocks in the order of a real run: in the first step the optimiser makes its state, in the
            second the state stands beside the activations. 1 where only sizes matter: the state is made before.

    Raises:
        RecipeError, ModelError: a part to freeze that the model does not have, or an unknown optimiser.
    """
    layout = torch.channels_last if channels_last else torch.contiguous_format
    live = LiveMemory(allocator)
    with FakeTensorMode(allow_non_fake_inputs=True), live:
        model = without_values(module, layout)
        parameters = live.now
        Freezer(model).freeze(recipe.optimisation.freeze)
        optimizer = _optimizer(model, recipe, foreach=foreach)
        kept = _kept_weights(model, recipe)
        before = live.now
        inputs, targets, raw = _pictures(batch, layout)
        pictures = live.now - before
        activations = 0
        if steps == 1:
            _make_state(model, optimizer)
        for _ in range(steps):
            train_mode(model)
            optimizer.zero_grad(set_to_none=True)
            activations = _accumulate(model, recipe, batch, inputs, targets, dtype=dtype, live=live)
            if recipe.optimisation.clip_grad:
                nn.utils.clip_grad_norm_(model.parameters(), recipe.optimisation.clip_grad)
            optimizer.step()
        gradients = sum(_size(p.grad) for p in model.parameters() if p.grad is not None)
        average = sum(_size(tensor) for tensor in kept)
        values = [value for state in optimizer.state.values() for value in state.values()]
        state = sum(_size(value) for value in values if isinstance(value, Tensor))
        del raw
    return TrialFindings(
        parameters=parameters,
        gradients=gradients,
        state=state,
        average=average,
        pictures=pictures,
        activations=activations,
        live=live.peak,
    )


def without_values(module: nn.Module, layout: torch.memory_format = torch.contiguous_format) -> nn.Module:
    """Return a copy whose parameters and buffers are empty; called under a ``FakeTensorMode``, it takes no memory."""
    empty: dict[int, Tensor] = {}
    for tensor in [*module.parameters(), *module.buffers()]:
        made = torch.empty(tensor.shape, dtype=tensor.dtype, memory_format=layout if tensor.ndim == 4 else None)
        is_parameter = isinstance(tensor, nn.Parameter)
        empty[id(tensor)] = nn.Parameter(made, tensor.requires_grad) if is_parameter else made
    return copy.deepcopy(module, empty)


def _optimizer(model: nn.Module, recipe: Recipe, *, foreach: bool) -> torch.optim.Optimizer:
    settings = recipe.optimisation
    groups = parameter_groups(model, lr=settings.peak_lr, weight_decay=settings.weight_decay)
    if is_eight_bit(settings.optimizer):
        return EightBitStandIn(groups, name=settings.optimizer)
    optimizer = make_optimizer(settings, groups)
    for group in optimizer.param_groups:
        if foreach and group.get("foreach", False) is None:
            group["foreach"] = True
    return optimizer


def _make_state(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.empty_like(parameter)
    optimizer.step()


def _kept_weights(model: nn.Module, recipe: Recipe) -> list[Tensor]:
    """Return the copies of the weights that averages hold."""
    copies = (recipe.averaging.ema_decay > 0) + recipe.averaging.swa
    return [torch.empty_like(t) for _ in range(copies) for t in [*model.parameters(), *model.buffers()]]


def _pictures(batch: TrialBatch, layout: torch.memory_format) -> tuple[Tensor, Tensor, Tensor]:
    shape = (batch.pictures, 3, *batch.size)
    raw = torch.empty(shape, dtype=torch.uint8)
    inputs = torch.empty(shape, memory_format=layout)
    return inputs, torch.empty(batch.pictures, batch.classes), raw


def _accumulate(
    model: nn.Module,
    recipe: Recipe,
    batch: TrialBatch,
    inputs: Tensor,
    targets: Tensor,
    *,
    dtype: torch.dtype,
    live: LiveMemory,
) -> int:
    """Run one or two micro-batches forward and back; all further ones are like the second. Returns what was saved."""
    settings = recipe.optimisation
    objective = classification(make_loss(settings.loss, focal_gamma=settings.focal_gamma))
    parts = math.ceil(batch.pictures / batch.micro_batch)
    autocast = torch.autocast("cpu", dtype) if dtype != torch.float32 else contextlib.nullcontext()
    saved = 0
    for part, wanted in list(zip(inputs.chunk(parts), targets.chunk(parts), strict=True))[:2]:
        before = live.now
        with autocast:
            loss = objective(model, part, wanted).sum()
        saved = live.now - before
        loss.backward()
    return saved


def _size(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
