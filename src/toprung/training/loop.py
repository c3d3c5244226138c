"""The training loop: epochs of steps, validation after each, a checkpoint that resumes exactly.

Legend: B pictures in a batch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from toprung.runs.weights_file import write_weights
from toprung.seeding import seed_global_generators
from toprung.training.averaging import EpochMean, WeightAverage
from toprung.training.batchnorm import StatisticsWarmup
from toprung.training.divergence import LossWatch
from toprung.training.events import EpochEvent, Observer, StepEvent
from toprung.training.freezing import train_mode
from toprung.training.hardware import HardwarePlan
from toprung.training.interrupt import Interrupted, StopSignal
from toprung.training.memory import halved, is_out_of_memory
from toprung.training.optimizer import set_momentum
from toprung.training.parts import Objective, Prepare, Stage, TrainBatch, Validate, Validation
from toprung.training.resuming import capture
from toprung.training.schedules import Schedule
from toprung.training.state import Progress, save_state

LOG_EVERY = 5


class Trainer:
    """Trains one model through one stage of a run, from its start or from a checkpoint.

    Args:
        model: the network, with real parameters.
        stage: its recipe, batches, and place in the run.
        plan: device, precision and layout.
        accelerator: accelerate's, made for that plan.
        optimizer: over the parameters that are trained, at peak rates.
        schedule: factor on those rates, by step of the stage.
        objective: model, inputs and targets to losses ``(B,)``.
        prepare: batch and step to normalised (and mixed) inputs and targets on the device.
        validate: model to scores; called in eval mode.
        last_file: where checkpoints are written.
        best_file: where the best weights so far are written.
        write_best: how they are written.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        stage: Stage,
        plan: HardwarePlan,
        accelerator: Accelerator,
        optimizer: torch.optim.Optimizer,
        schedule: Schedule,
        objective: Objective,
        prepare: Prepare,
        validate: Validate,
        last_file: Path,
        best_file: Path,
        write_best: Callable[[Path, nn.Module], None] = write_weights,
    ) -> None:
        self.stage, self.recipe = stage, stage.recipe
        self.schedule = schedule
        self.plan = plan
        self.accelerator = accelerator
        self.objective = objective
        self.prepare = prepare
        self.validate = validate
        self.last_file = last_file
        self.best_file = best_file
        self.write_best = write_best
        self.progress = Progress(micro_batch=self.recipe.optimisation.micro_batch)
        self.watch = LossWatch()
        decay = self.recipe.averaging.ema_decay
        self.raw_model = model
        self.model, self.optimizer = accelerator.prepare(model, optimizer)
        self.statistics = StatisticsWarmup(model)
        self.average = WeightAverage(model, decay) if decay > 0 else None
        self.epoch_mean = EpochMean(model) if self.recipe.averaging.swa else None
        self._latest_loss = self._rate = float("nan")
        self.peak_rates = [group["lr"] for group in self.optimizer.param_groups]

    def follow(self, before: Trainer) -> None:
        """Go on where the stage before ended: the same model, its averages, the best so far."""
        self.progress = dataclasses.replace(before.progress, micro_batch=self.progress.micro_batch)
        self.progress.stage = self.stage.number
        self.average, self.epoch_mean = before.average, before.epoch_mean

    def fit(self, observer: Observer) -> Progress:
        """Train to the end of the stage, telling ``observer`` of every step and epoch.

        Raises:
            TrainingDiverged: the loss is not finite or exploded; the checkpoint before is kept.
            Interrupted: Ctrl-C or a termination signal; the state was saved.
            Pruned: raised by the observer.
            StorageError: a checkpoint cannot be written; the one before is kept.
        """
        self.observer = observer
        with StopSignal() as stop:
            while self.progress.epoch < self.stage.end_epoch:
                self._train_epoch(stop)
                self._finish_epoch()
        return self.progress

    def _train_epoch(self, stop: StopSignal) -> None:
        progress, total = self.progress, self.stage.run_steps
        train_mode(self.raw_model)
        saved_at = started = last_logged = time.monotonic()
        pictures_since_log = 0
        losses: list[Tensor] = []  # stay on the device until logged: reading each would wait for the GPU
        sizes: list[int] = []
        with contextlib.closing(self.stage.batches.epoch(progress.epoch, progress.batch)) as stream:
            for batch in stream:
                self._set_rates()
                self.statistics.set_momentum(self.progress.step - self.stage.first_step)
                losses.append(self._step(batch))
                sizes.append(len(batch.labels) * self.accelerator.num_processes)
                pictures_since_log += sizes[-1]
                progress.step += 1
                progress.batch += 1
                now = time.monotonic()
                is_due = now - saved_at >= 60 * self.recipe.hardware.checkpoint_minutes
                must_stop, must_save = self._agree(stop.requested, is_due)
                if progress.step % LOG_EVERY == 0 or must_save:
                    self._take_in(losses, sizes)
                    speed = pictures_since_log / max(now - last_logged, 1e-9)
                    self._report_step(speed)
                    last_logged, pictures_since_log = now, 0
                if must_save:
                    self._add_time(started)
                    started = saved_at = time.monotonic()
                    self.save()
                if must_stop:
                    raise Interrupted(f"stopped by {stop.name or 'a signal'} after step {progress.step} of {total}")
        self._take_in(losses, sizes)
        self._add_time(started)

    def _agree(self, wants_stop: bool, wants_save: bool) -> tuple[bool, bool]:
        """Return whether to stop and whether to save now; several processes decide together, every few steps.

        A process that stopped or saved alone would leave the others waiting for it.
        """
        if self.accelerator.num_processes > 1:
            if self.progress.step % LOG_EVERY:
                return False, False
            wishes = torch.tensor([float(wants_stop), float(wants_save)], device=self.accelerator.device)
            wants_stop, wants_save = (bool(wish) for wish in self.accelerator.reduce(wishes, reduction="sum"))
        return wants_stop, wants_save or wants_stop

    def _set_rates(self) -> None:
        step = self.progress.step - self.stage.first_step
        scale = self.schedule.rate(step)
        self._rate = self.recipe.optimisation.peak_lr * scale
        for group, peak in zip(self.optimizer.param_groups, self.peak_rates, strict=True):
            group["lr"] = peak * scale
        if self.schedule.momentum is not None:
            set_momentum(self.optimizer, self.schedule.momentum(step))

    def _step(self, batch: TrainBatch) -> Tensor:
        """Take one optimiser step; when memory runs out, halve the micro-batch and take it again."""
        while True:
            try:
                return self._try_step(batch)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                self._shrink(len(batch.labels))

    def _try_step(self, batch: TrainBatch) -> Tensor:
        """Accumulate the gradient over micro-batches and step. Returns the mean loss, on the device."""
        seed = self.recipe.seed
        seed_global_generators(seed, "step", self.progress.step, self.accelerator.process_index)
        self.optimizer.zero_grad(set_to_none=True)
        inputs, targets = self.prepare(batch, self.progress.step)
        count = len(inputs)
        parts = math.ceil(count / (self.progress.micro_batch or count))
        total = torch.zeros((), device=inputs.device)
        pieces = list(zip(inputs.chunk(parts), targets.chunk(parts), strict=True))
        for index, (part, part_targets) in enumerate(pieces):
            is_last = index == len(pieces) - 1
            with contextlib.nullcontext() if is_last else self.accelerator.no_sync(self.model):
                loss = self.objective(self.model, part, part_targets).sum() / count
                self.accelerator.backward(loss)
            total += loss.detach()
        if self.recipe.optimisation.clip_grad:
            self.accelerator.clip_grad_norm_(self.model.parameters(), self.recipe.optimisation.clip_grad)
        if self.plan.device == "cpu":
            # free here: a NaN is caught before it reaches the weights
            self._check(float(total))
        self.optimizer.step()
        if self.average is not None and not self.accelerator.optimizer_step_was_skipped:
            self.average.update(self.raw_model)
        return total

    def _check(self, loss: float) -> None:
        self.watch.check(loss, step=self.progress.step, lr=self._rate, precision=self.plan.precision)

    def _take_in(self, losses: list[Tensor], sizes: list[int]) -> None:
        """Read pending losses off the device, check them, add them to the epoch's sum, and forget them."""
        if not losses:
            return
        values = self.accelerator.reduce(torch.stack(losses), reduction="mean").tolist()
        for value, size in zip(values, sizes, strict=True):
            if self.plan.device != "cpu":
                self._check(value)
            self.progress.loss_sum += value * size
            self.progress.pictures += size
        self._latest_loss = values[-1]
        losses.clear()
        sizes.clear()

    def _shrink(self, count: int) -> None:
        before = min(self.progress.micro_batch or count, count)
        self.progress.micro_batch = halved(before, self.accelerator.num_processes)
        self.optimizer.zero_grad(set_to_none=True)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self.observer.on_note(
            f"out of memory: {before} → {self.progress.micro_batch} pictures per forward pass, "
            f"{math.ceil(count / self.progress.micro_batch)} passes per step; the effective batch stays {count}"
        )

    def _finish_epoch(self) -> None:
        progress = self.progress
        if self.epoch_mean is not None and progress.epoch >= self.recipe.averaging.swa_start_epoch:
            self.epoch_mean.update(self.raw_model)
        start = time.monotonic()
        raw = self._validated(self.raw_model)
        averaged = None if self.average is None else self._validated(self.average.module)
        best_before = progress.best_epoch
        self._keep_if_best(raw, self.raw_model, is_average=False)
        if averaged is not None and self.average is not None:
            self._keep_if_best(averaged, self.average.module, is_average=True)
        progress.epoch_seconds += time.monotonic() - start
        progress.seconds += time.monotonic() - start
        self.observer.on_epoch(
            EpochEvent(
                epoch=progress.epoch + 1,
                epochs=self.stage.run_epochs,
                step=progress.step,
                train_loss=progress.loss_sum / max(progress.pictures, 1),
                val_loss=raw.loss,
                val_accuracy=raw.accuracy,
                seconds=progress.epoch_seconds,
                best_accuracy=None if raw.accuracy is None else progress.best_accuracy,
                is_best=progress.best_epoch != best_before,
                ema_val_loss=None if averaged is None else averaged.loss,
                ema_val_accuracy=None if averaged is None else averaged.accuracy,
            )
        )
        progress.epoch += 1
        progress.batch = 0
        progress.loss_sum, progress.pictures, progress.epoch_seconds = 0.0, 0, 0.0
        self.save()

    def _validated(self, model: nn.Module) -> Validation:
        model.eval()
        with torch.inference_mode(), self.accelerator.autocast():
            return self.validate(model)

    def _keep_if_best(self, scores: Validation, model: nn.Module, *, is_average: bool) -> None:
        progress = self.progress
        always = self.recipe.averaging.keep == "last"
        if not always and not scores.better_than(progress.best_accuracy, progress.best_loss):
            return
        progress.best_loss = scores.loss
        if scores.accuracy is not None:
            progress.best_accuracy = scores.accuracy
        progress.best_epoch, progress.best_is_average = progress.epoch + 1, is_average
        if self.accelerator.is_main_process:
            self.write_best(self.best_file, model)

    def save(self) -> None:
        """Write ``last.pt``; the one before is replaced only when the new one is whole."""
        if not self.accelerator.is_main_process:
            return
        save_state(self.last_file, capture(self))

    def _report_step(self, speed: float) -> None:
        self.observer.on_step(
            StepEvent(
                step=self.progress.step,
                total_steps=self.stage.run_steps,
                epoch=self.progress.epoch + 1,
                loss=self._latest_loss,
                lr=self._rate,
                images_per_second=speed,
            )
        )

    def _add_time(self, since: float) -> None:
        elapsed = time.monotonic() - since
        self.progress.seconds += elapsed
        self.progress.epoch_seconds += elapsed
