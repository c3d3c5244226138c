"""What the training loop is given to work with: batches, and functions that prepare them and validate the model.

Legend: B pictures in a batch, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from toprung.training.recipe import Recipe
from toprung.training.schedules import Span


class TrainBatch(Protocol):
    """What a training loader yields: uint8 ``(B, 3, H, W)`` pictures and int64 ``(B,)`` labels."""

    images: Tensor
    labels: Tensor


class TrainBatches(Protocol):
    """Batches by epoch, from any batch of it on."""

    @property
    def batches_per_epoch(self) -> int:
        """Number of batches, each one optimiser step."""

    def epoch(self, epoch: int, start_batch: int = 0) -> Generator[Any, None, None]:
        """Yield the epoch's batches from ``start_batch`` on."""


@dataclass(frozen=True)
class Stage:
    """A part of a run: with its own recipe and batches, at its place among the others.

    Attributes:
        number: 0-based.
        recipe: of this stage; its ``schedule.epochs`` are the stage's.
        batches: as large as its recipe says.
        first_epoch, first_step: epochs and optimiser steps of the stages before it.
        run_epochs, run_steps: of all stages together.
    """

    number: int
    recipe: Recipe
    batches: TrainBatches
    first_epoch: int
    first_step: int
    run_epochs: int
    run_steps: int

    @property
    def end_epoch(self) -> int:
        """Epochs of the run that are over at the stage's end."""
        return self.first_epoch + self.recipe.schedule.epochs

    @property
    def span(self) -> Span:
        """How long the stage is."""
        per_epoch = self.batches.batches_per_epoch
        return Span(self.recipe.schedule.epochs * per_epoch, per_epoch)


def place_stages(recipes: Sequence[Recipe], batches: Sequence[TrainBatches]) -> list[Stage]:
    """Return the stages of a run, each at its place."""
    epochs = [recipe.schedule.epochs for recipe in recipes]
    steps = [count * one.batches_per_epoch for count, one in zip(epochs, batches, strict=True)]
    return [
        Stage(number, recipe, one, sum(epochs[:number]), sum(steps[:number]), sum(epochs), sum(steps))
        for number, (recipe, one) in enumerate(zip(recipes, batches, strict=True))
    ]


@dataclass(frozen=True)
class Validation:
    """Scores on the validation pictures: accuracy in [0, 1], ``None`` without labels, and the mean loss."""

    accuracy: float | None
    loss: float

    def better_than(self, accuracy: float, loss: float) -> bool:
        """Compare by accuracy, and by loss when that is equal or there is none."""
        own = accuracy if self.accuracy is None else self.accuracy
        return (own, -self.loss) > (accuracy, -loss)


Validate = Callable[[nn.Module], Validation]
"""A model in eval mode to its scores."""

Prepare = Callable[[TrainBatch, int], tuple[Tensor, Tensor]]
"""A batch and its step to inputs ``(B, 3, H, W)`` and targets ``(B, ...)`` on the device."""

Objective = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""The model in train mode, inputs and targets of a micro-batch to a loss per picture ``(B,)``, float32."""
