"""What the training loop is given to work with: batches, and functions that prepare them and validate the model.

Legend: B pictures in a batch, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn


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
