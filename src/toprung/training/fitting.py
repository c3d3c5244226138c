"""Put a recipe's parts together (loader, optimiser, loss, accelerator) and train."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import nn

from toprung.data.malloc import raise_malloc_thresholds
from toprung.data.preprocessing import Preprocessing
from toprung.data.table import Table
from toprung.training.events import Observer
from toprung.training.feeding import make_preparer, make_train_loader
from toprung.training.hardware import HardwarePlan
from toprung.training.loop import Trainer
from toprung.training.losses import balanced_class_weights, classification, make_loss
from toprung.training.optimizer import make_optimizer
from toprung.training.parameters import parameter_groups
from toprung.training.recipe import Recipe
from toprung.training.scoring import make_validator
from toprung.training.state import Progress

Watch = Callable[[Accelerator, int, Progress], AbstractContextManager[Observer]]


def fit_model(
    module: nn.Module,
    *,
    recipe: Recipe,
    plan: HardwarePlan,
    table: Table,
    preprocessing: Preprocessing,
    last_file: Path,
    best_file: Path,
    accelerator: Accelerator,
    watch: Watch,
    resume: bool,
) -> Progress:
    """Train ``module`` on the table's train split; the best weights by the val split go to ``best_file``.

    Args:
        module: on the CPU.
        recipe: resolved.
        plan: device, precision, layout.
        table: every row in a split.
        preprocessing: the model's.
        last_file, best_file: where checkpoint and best weights are written.
        accelerator: from :func:`toprung.training.processes.make_accelerator`.
        watch: given accelerator, number of steps and starting position, returns who is told of each step.
        resume: take up the state of ``last_file`` first.

    Raises:
        TrainingDiverged, Interrupted, StorageError, RunError: as :meth:`Trainer.fit` and ``restore``.
    """
    module = put_in_place(module, recipe, plan, accelerator)
    classes = len(table.classes)
    batches = make_train_loader(table.split("train"), recipe, preprocessing, last_file.parent, accelerator)
    settings = recipe.optimisation
    groups = parameter_groups(
        module, lr=settings.peak_lr, weight_decay=settings.weight_decay, head_lr_scale=settings.head_lr_scale
    )
    weights = None
    if settings.class_weights == "balanced":
        weights = balanced_class_weights(torch.from_numpy(table.counts("train"))).to(accelerator.device).float()
    trainer = Trainer(
        module,
        recipe=recipe,
        plan=plan,
        accelerator=accelerator,
        optimizer=make_optimizer(settings, groups),
        objective=classification(make_loss(settings.loss, focal_gamma=settings.focal_gamma, class_weights=weights)),
        prepare=make_preparer(recipe, preprocessing, classes, accelerator.device),
        validate=make_validator(table.split("val"), preprocessing, recipe, accelerator),
        last_file=last_file,
        best_file=best_file,
    )
    if resume:
        trainer.restore()
    total = recipe.schedule.epochs * batches.batches_per_epoch
    with watch(accelerator, total, trainer.progress) as observer:
        return trainer.fit(batches, observer)


def put_in_place(module: nn.Module, recipe: Recipe, plan: HardwarePlan, accelerator: Accelerator) -> nn.Module:
    """Return the model on its device and in its layout, and set torch as a run on that device needs it."""
    if plan.device == "cpu":
        raise_malloc_thresholds()  # activations come and go every step; page faults cost more than the memory
    torch.use_deterministic_algorithms(plan.device == "cpu")
    module = _in_layout(module.to(accelerator.device), plan)
    if recipe.hardware.compile:
        module.compile()
    return module


def _in_layout(module: nn.Module, plan: HardwarePlan) -> nn.Module:
    """Put convolution kernels in memory as the pictures are."""
    return module.to(memory_format=torch.channels_last) if plan.channels_last else module
