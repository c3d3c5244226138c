"""Put a recipe's parts together (loader, optimiser, loss, accelerator) and train, stage after stage."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from toprung.data.malloc import raise_malloc_thresholds
from toprung.data.preprocessing import Preprocessing
from toprung.data.table import Table
from toprung.runs.weights_file import write_weights
from toprung.training.checkpointing import spare_activations
from toprung.training.events import Observer
from toprung.training.feeding import make_cache, make_preparer, make_train_loader
from toprung.training.freezing import Freezer
from toprung.training.hardware import HardwarePlan
from toprung.training.loop import Trainer
from toprung.training.losses import balanced_class_weights, classification, make_loss, mean_over_samples
from toprung.training.optimizer import make_optimizer
from toprung.training.parameters import parameter_groups
from toprung.training.parts import Objective, Prepare, Stage, Validate, place_stages
from toprung.training.recipe import Recipe
from toprung.training.resuming import restore
from toprung.training.schedules import make_schedule
from toprung.training.scoring import make_validator
from toprung.training.stages import stage_recipes
from toprung.training.state import Progress, load_state

Watch = Callable[[Accelerator, int, Progress], AbstractContextManager[Observer]]


@dataclass(frozen=True)
class Work:
    """What all stages of a run share.

    Attributes:
        module: the network, on the accelerator's device.
        plan: device, precision, layout.
        accelerator: from :func:`toprung.training.processes.make_accelerator`.
        objective: makes the loss of a stage's recipe.
        prepare: makes the preparation of a stage's recipe.
        validate: model to scores.
        last_file, best_file: where checkpoint and best weights are written.
        write_best: how the best weights are written.
    """

    module: nn.Module
    plan: HardwarePlan
    accelerator: Accelerator
    objective: Callable[[Recipe], Objective]
    prepare: Callable[[Recipe], Prepare]
    validate: Validate
    last_file: Path
    best_file: Path
    write_best: Callable[[Path, nn.Module], None] = write_weights


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
) -> Trainer:
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

    Returns:
        The trainer of the last stage, at its end.

    Raises:
        TrainingDiverged, Interrupted, StorageError: as :meth:`Trainer.fit`.
        RunError: as :func:`toprung.training.state.load_state`.
    """
    classes, train = len(table.classes), table.split("train")
    cache = make_cache(recipe, preprocessing, last_file.parent)
    recipes = stage_recipes(recipe)
    loaders = [make_train_loader(train, one, preprocessing, cache, accelerator) for one in recipes]
    weights = None
    if recipe.optimisation.class_weights == "balanced":
        weights = balanced_class_weights(torch.from_numpy(table.counts("train"))).to(accelerator.device).float()

    def objective(stage: Recipe) -> Objective:
        settings = stage.optimisation
        loss = make_loss(settings.loss, focal_gamma=settings.focal_gamma, class_weights=weights)
        return classification(mean_over_samples(loss))

    work = Work(
        module=on_device(module, plan, accelerator, compiled=recipe.hardware.compile),
        plan=plan,
        accelerator=accelerator,
        objective=objective,
        prepare=lambda stage: make_preparer(stage, preprocessing, classes, accelerator.device),
        validate=make_validator(table.split("val"), preprocessing, recipe, accelerator),
        last_file=last_file,
        best_file=best_file,
    )
    if recipe.hardware.grad_checkpointing:
        spare_activations(work.module, plan.device)
    return fit_stages(work, place_stages(recipes, loaders), watch, resume=resume)


def fit_stages(work: Work, stages: list[Stage], watch: Watch, *, resume: bool) -> Trainer:
    """Train stage after stage; each gets an optimiser of its own, over what it does not freeze.

    Returns:
        The trainer of the last stage, at its end.

    Raises:
        RecipeError, ModelError: a stage that freezes all or what the model does not have.
        TrainingDiverged, Interrupted, StorageError, RunError: as :func:`fit_model`.
    """
    freezer = Freezer(work.module)
    state = load_state(work.last_file) if resume else None
    reached = stages[state.progress.stage if state else 0]
    trainer = _trainer(work, reached, freezer)
    if state is not None:
        restore(trainer, state)
        del state
    with watch(work.accelerator, reached.run_steps, trainer.progress) as observer:
        trainer.fit(observer)
        for stage in stages[reached.number + 1 :]:
            release(trainer)
            following = _trainer(work, stage, freezer)
            following.follow(trainer)
            trainer = following
            trainer.fit(observer)
    return trainer


def check_stages(module: nn.Module, recipe: Recipe) -> None:
    """Refuse, before anything is done, a stage that freezes what the model does not have or that cannot be sorted.

    Raises:
        RecipeError, ModelError: as :func:`fit_stages`.
    """
    freezer = Freezer(module)
    for stage in stage_recipes(recipe):
        freezer.freeze(stage.optimisation.freeze)
        _groups(module, stage)
    freezer.freeze("none")


def _groups(module: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    settings = recipe.optimisation
    return parameter_groups(
        module,
        lr=settings.peak_lr,
        weight_decay=settings.weight_decay,
        head_lr_scale=settings.head_lr_scale,
        layer_decay=settings.layer_decay,
    )


def _trainer(work: Work, stage: Stage, freezer: Freezer) -> Trainer:
    settings = stage.recipe.optimisation
    freezer.freeze(settings.freeze)
    groups = _groups(work.module, stage.recipe)
    return Trainer(
        work.module,
        stage=stage,
        plan=work.plan,
        accelerator=work.accelerator,
        optimizer=make_optimizer(settings, groups),
        schedule=make_schedule(stage.recipe, stage.span),
        objective=work.objective(stage.recipe),
        prepare=work.prepare(stage.recipe),
        validate=work.validate,
        last_file=work.last_file,
        best_file=work.best_file,
        write_best=work.write_best,
    )


def release(trainer: Trainer) -> None:
    """Take the model out of what accelerate wrapped around it for one optimiser, so that it can be prepared again."""
    trainer.statistics.end()
    accelerator = trainer.accelerator
    accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    accelerator.free_memory()


def on_device(module: nn.Module, plan: HardwarePlan, accelerator: Accelerator, *, compiled: bool) -> nn.Module:
    """Put a model where and how it computes, with deterministic algorithms on a CPU."""
    if plan.device == "cpu":
        raise_malloc_thresholds()  # activations come and go every step; page faults cost more than the memory
    torch.use_deterministic_algorithms(plan.device == "cpu")
    module = module.to(accelerator.device)
    if plan.channels_last:
        module = module.to(memory_format=torch.channels_last)  # convolution kernels in memory as the pictures are
    if compiled:
        module.compile()
    return module
