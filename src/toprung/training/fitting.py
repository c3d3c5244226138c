"""Put a recipe's parts together (loaders, optimiser, loss, accelerator) and train."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import gather_object
from torch import Tensor, nn
from torch.nn import functional as F

from toprung.data.augment import TrainView
from toprung.data.cache import PixelCache
from toprung.data.loaders import EvalLoader, EvalView, TrainLoader, normalise
from toprung.data.malloc import raise_malloc_thresholds
from toprung.data.mixing import Mixing, smooth_targets
from toprung.data.preprocessing import Preprocessing
from toprung.data.table import Table
from toprung.errors import RecipeError
from toprung.evaluation.predict import predict_all
from toprung.training.events import Observer
from toprung.training.hardware import HardwarePlan
from toprung.training.loop import Prepare, TrainBatch, Trainer, Validate, Validation
from toprung.training.losses import balanced_class_weights, make_loss
from toprung.training.parameters import parameter_groups
from toprung.training.recipe import OptimisationSettings, Recipe
from toprung.training.state import Progress

Watch = Callable[[Accelerator, int, Progress], AbstractContextManager[Observer]]


def fit_model(
    module: nn.Module,
    *,
    recipe: Recipe,
    plan: HardwarePlan,
    table: Table,
    preprocessing: Preprocessing,
    cache: PixelCache | None,
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
        cache: decoded pictures of the train split, or ``None``.
        last_file, best_file: where checkpoint and best weights are written.
        accelerator: from :func:`make_accelerator`.
        watch: given accelerator, number of steps and starting position, returns who is told of each step.
        resume: take up the state of ``last_file`` first.

    Raises:
        TrainingDiverged, Interrupted, StorageError, RunError: as :meth:`Trainer.fit` and ``restore``.
    """
    if plan.device == "cpu":
        raise_malloc_thresholds()  # activations come and go every step; page faults cost more than the memory
    torch.use_deterministic_algorithms(plan.device == "cpu")
    layout = torch.channels_last if plan.channels_last else torch.contiguous_format
    module = module.to(device=accelerator.device, memory_format=layout)
    if recipe.hardware.compile:
        module.compile()
    classes = len(table.classes)
    train = table.split("train")
    batches = _train_loader(train, recipe, preprocessing, cache, accelerator)
    settings = recipe.optimisation
    optimizer = make_optimizer(
        settings,
        parameter_groups(
            module,
            lr=settings.lr,
            weight_decay=settings.weight_decay,
            head_lr_scale=settings.head_lr_scale,
        ),
    )
    weights = None
    if settings.class_weights == "balanced":
        weights = balanced_class_weights(torch.from_numpy(table.counts("train"))).to(accelerator.device).float()
    trainer = Trainer(
        module,
        recipe=recipe,
        plan=plan,
        accelerator=accelerator,
        optimizer=optimizer,
        loss=make_loss(settings.loss, focal_gamma=settings.focal_gamma, class_weights=weights),
        prepare=_preparer(recipe, preprocessing, classes, accelerator.device),
        validate=_validator(table.split("val"), preprocessing, recipe, accelerator),
        last_file=last_file,
        best_file=best_file,
    )
    if resume:
        trainer.restore()
    total = recipe.schedule.epochs * batches.batches_per_epoch
    with watch(accelerator, total, trainer.progress) as observer:
        return trainer.fit(batches, observer)


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
            project_dir=str(project),
        )
    except ValueError as error:
        raise RecipeError(f"hardware.trackers = {trackers!r} cannot be used: {error}") from error


def make_optimizer(settings: OptimisationSettings, groups: list[dict[str, object]]) -> torch.optim.Optimizer:
    """Return the optimiser of a recipe: AdamW, SGD with Nesterov momentum, or one of timm's by name.

    Raises:
        RecipeError: timm knows no such optimiser.
    """
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=settings.lr)
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=settings.lr, momentum=settings.momentum, nesterov=settings.momentum > 0)
    from timm.optim import create_optimizer_v2, list_optimizers

    from toprung.errors import nearest

    known = ["adamw", "sgd", *list_optimizers()]
    if settings.optimizer not in known:
        raise RecipeError(
            f"optimisation.optimizer = {settings.optimizer!r} is not known.{nearest(settings.optimizer, known)}"
        )
    # the groups carry their own rates and decays
    return create_optimizer_v2(groups, opt=settings.optimizer, lr=settings.lr, momentum=settings.momentum)


def _train_loader(
    train: Table, recipe: Recipe, preprocessing: Preprocessing, cache: PixelCache | None, accelerator: Accelerator
) -> TrainLoader:
    augment = recipe.augment
    view = TrainView(
        size=preprocessing.size,
        scale=(augment.scale_min, 1.0),
        flip=augment.flip,
        vertical_flip=augment.vertical_flip,
        color_jitter=augment.color_jitter,
        auto_augment=augment.auto_augment,
        magnitude=augment.magnitude,
        magnitude_std=augment.magnitude_std,
        operations=augment.operations,
        erasing=augment.erasing,
    )
    return TrainLoader(
        train,
        view,
        batch_size=recipe.optimisation.batch_size,
        seed=recipe.seed,
        threads=recipe.data.threads or None,
        rank=accelerator.process_index,
        world=accelerator.num_processes,
        cache=cache,
        balanced=recipe.data.balanced,
        background=preprocessing.background,
    )


def _preparer(recipe: Recipe, preprocessing: Preprocessing, classes: int, device: torch.device) -> Prepare:
    """Return the function from a batch to normalised, mixed inputs and soft targets on the device."""
    augment, smoothing = recipe.augment, recipe.optimisation.label_smoothing
    mixing = None
    if augment.mixup > 0 or augment.cutmix > 0:
        mixing = Mixing(
            mixup=augment.mixup,
            cutmix=augment.cutmix,
            probability=augment.mix_probability,
            label_smoothing=smoothing,
            num_classes=classes,
            seed=recipe.seed,
        )

    def prepare(batch: TrainBatch, step: int) -> tuple[Tensor, Tensor]:
        images = batch.images.to(device, non_blocking=True)
        labels = batch.labels.to(device, non_blocking=True)
        inputs = normalise(images, preprocessing.mean, preprocessing.std)
        if mixing is None:
            return inputs, smooth_targets(labels, classes, smoothing)
        return mixing(inputs, labels, step)

    return prepare


def _validator(val: Table, preprocessing: Preprocessing, recipe: Recipe, accelerator: Accelerator) -> Validate:
    """Return the function that scores a model on the val split; each process takes every n-th picture."""
    labels = torch.from_numpy(val.labels.copy())

    def validate(model: nn.Module) -> Validation:
        rows, logits = predict_table(model, val, preprocessing, recipe, accelerator)
        scores = torch.from_numpy(logits)
        truth = labels[torch.from_numpy(rows)]
        accuracy = (scores.argmax(dim=1) == truth).double().mean()
        return Validation(accuracy=float(accuracy), loss=float(F.cross_entropy(scores.double(), truth)))

    return validate


def predict_table(
    model: nn.Module, table: Table, preprocessing: Preprocessing, recipe: Recipe, accelerator: Accelerator
) -> tuple[np.ndarray, np.ndarray]:
    """Return rows ``(N,)`` int64 ascending and logits ``(N, C)`` float32 for every picture of a table.

    With several processes each takes its share, and all get the whole result, every picture exactly once.
    """
    loader = EvalLoader(
        table.paths,
        table.labels,
        EvalView(preprocessing),
        batch_size=max(recipe.optimisation.batch_size // accelerator.num_processes, 1),
        threads=recipe.data.threads or None,
        rank=accelerator.process_index,
        world=accelerator.num_processes,
    )
    rows, logits = predict_all(model, loader, preprocessing)
    if accelerator.num_processes > 1:
        shares = gather_object([(rows, logits)])
        rows, logits = (np.concatenate(parts) for parts in zip(*shares, strict=True))
    order = rows.argsort()
    return rows[order], logits[order]
