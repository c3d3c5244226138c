"""Time a few real steps of a recipe on this machine, to know before it starts how long a rung will take."""

from __future__ import annotations

import contextlib
import itertools
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from toprung.errors import ToprungError
from toprung.ladder.display import Display
from toprung.ladder.pictures import Pictures
from toprung.training.recipe import Recipe

if TYPE_CHECKING:
    from toprung.training.parts import TrainBatch

_PATIENCE = 6.0  # seconds of timed steps
_STEPS = 4
_SCORED = 96  # pictures
_DISK = 400e6  # bytes per second that a checkpoint is written with


@dataclass(frozen=True)
class Speed:
    """How fast a recipe goes here.

    Attributes:
        start: seconds from nothing to the first step: imports, building the model, loading the weights.
        step: seconds of one optimiser step with reading its batch.
        steps: optimiser steps per epoch.
        scored: seconds to read and score one picture.
        precision: that was settled, so that it need not be measured again.
        memory: bytes that training takes at most, estimated; 0 where unknown.
        saving: seconds to write a checkpoint, which each epoch ends with.
    """

    start: float
    step: float
    steps: int
    scored: float
    precision: str
    memory: int
    saving: float

    def epoch(self, val_pictures: int, averages: int) -> float:
        """Return the seconds of an epoch, with validation of the weights and of their moving average."""
        return self.steps * self.step + val_pictures * self.scored * (1 + averages) + self.saving


@dataclass(frozen=True)
class MeasureJob:
    """Time recipes, one after another, in one process.

    Attributes:
        recipes: name of the rung -> recipe.
        pictures: gathered.
    """

    recipes: dict[str, Recipe]
    pictures: Pictures

    def perform(self, display: Display) -> dict[str, Any]:
        """Return rung -> :class:`Speed` as plain values, or ``{"error": sentence, "kind": class}``."""
        began = time.perf_counter()
        import torch  # noqa: F401 - counted into the start of every rung
        from accelerate import Accelerator  # noqa: F401

        import_seconds = time.perf_counter() - began
        found: dict[str, Any] = {}
        for place, (name, recipe) in enumerate(self.recipes.items()):
            with display.reading("speed") as progress:
                progress(place, len(self.recipes))
                try:
                    found[name] = asdict(measure(recipe, self.pictures, import_seconds))
                except ToprungError as error:
                    found[name] = {"error": str(error), "kind": type(error).__name__}
        return found


def measure(recipe: Recipe, pictures: Pictures, import_seconds: float) -> Speed:
    """Build a recipe's model and time its steps and its scoring; nothing is kept.

    Steps are timed with cold caches, so that a run whose decoded pictures stay in memory is a little faster.

    Raises:
        ToprungError: the model cannot be built, or its weights cannot be had.
    """
    from toprung.ladder.probing import settled
    from toprung.training.hardware import resolve
    from toprung.training.processes import make_accelerator
    from toprung.training.scoring import predict_table
    from toprung.training.start import starting_model

    recipe = settled(recipe)
    began = time.perf_counter()
    table = pictures.table
    start = starting_model(recipe.model, table.classes, seed=recipe.seed, background=recipe.data.background_rgb)
    start_seconds = time.perf_counter() - began + import_seconds
    plan = resolve(recipe.hardware, start.module, start.preprocessing.size)
    train = table.split("train")
    batch = recipe.optimisation.batch_size
    with tempfile.TemporaryDirectory(prefix="toprung-") as folder:
        accelerator = make_accelerator(plan, "", Path(folder))
        step = (
            0.0
            if recipe.probe.kinds
            else _time_steps(recipe, start.module, start.preprocessing, train, plan, accelerator)
        )
        module = start.module.to(accelerator.device).eval()
        others = table.split("val") if len(table.split("val")) else train
        part = others.take(range(min(_SCORED, len(others))))
        small = recipe.with_settings({"hardware.precision": plan.precision})
        began = time.perf_counter()
        predict_table(module, part, start.preprocessing, small, accelerator)
        scored = (time.perf_counter() - began) / len(part)
    return Speed(
        start=start_seconds,
        step=step,
        steps=math.ceil(len(train) / batch),
        scored=scored,
        precision=plan.precision,
        memory=_memory(recipe, len(table.classes), plan.device),
        saving=_saving(recipe, start.module),
    )


def _time_steps(recipe: Recipe, module: Any, preprocessing: Any, train: Any, plan: Any, accelerator: Any) -> float:
    """Return the median seconds of an optimiser step, reading included; the first one, which warms up, is left out."""
    from toprung.training.feeding import make_preparer, make_train_loader
    from toprung.training.fitting import on_device
    from toprung.training.freezing import Freezer, train_mode
    from toprung.training.losses import classification, make_loss, mean_over_samples
    from toprung.training.optimizer import make_optimizer
    from toprung.training.parameters import parameter_groups
    from toprung.training.stages import stage_recipes

    first = stage_recipes(recipe)[0]
    settings = first.optimisation
    module = on_device(module, plan, accelerator, compiled=False)
    Freezer(module).freeze(settings.freeze)
    optimizer = make_optimizer(settings, parameter_groups(module, lr=0.0, weight_decay=0.0))
    model, optimizer = accelerator.prepare(module, optimizer)
    objective = classification(mean_over_samples(make_loss(settings.loss, focal_gamma=settings.focal_gamma)))
    prepare = make_preparer(first, preprocessing, module.num_classes, accelerator.device)
    loader = make_train_loader(train, first, preprocessing, None, accelerator)
    train_mode(module)
    times: list[float] = []
    with contextlib.closing(loader.epoch(0, 0)) as stream:
        before = time.perf_counter()
        for number, data in enumerate(itertools.islice(cast(Iterator["TrainBatch"], stream), _STEPS + 1)):
            inputs, targets = prepare(data, number)
            optimizer.zero_grad(set_to_none=True)
            count = len(inputs)
            parts = math.ceil(count / (settings.micro_batch or count))
            for one, wanted in zip(inputs.chunk(parts), targets.chunk(parts), strict=True):
                accelerator.backward(objective(model, one, wanted).sum() / count)
            optimizer.step()
            _wait(accelerator.device.type)
            times.append(time.perf_counter() - before)
            before = time.perf_counter()
            if sum(times[1:]) > _PATIENCE:
                break
    accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    accelerator.free_memory()
    timed = sorted(times[1:] or times)
    return timed[len(timed) // 2]


def _wait(device: str) -> None:
    import torch

    waits: dict[str, Callable[[], None]] = {"cuda": torch.cuda.synchronize, "mps": torch.mps.synchronize}
    if device in waits:
        waits[device]()


def _saving(recipe: Recipe, module: Any) -> float:
    """Return the seconds to write weights, the optimiser's two moments, averages, and the best weights to disk."""
    if recipe.probe.kinds:
        return 0.0
    copies = 4 + (recipe.averaging.ema_decay > 0) + recipe.averaging.swa
    size = sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values())
    return 0.05 + copies * size / _DISK


def _memory(recipe: Recipe, classes: int, device: str) -> int:
    """Return the bytes that training takes at most, estimated; 0 for what the estimate does not know."""
    from toprung.training.plan_training import plan_training

    if recipe.probe.kinds:
        return 0
    try:
        plan = plan_training(recipe, classes=classes, memory=1 << 50, device=device)
    except ToprungError:
        return 0
    return math.ceil(plan.choice.needed)
