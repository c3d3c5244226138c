"""What the training loop tells those who watch it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class StepEvent:
    """One optimiser step. ``step`` counts from 1; ``loss`` is the mean over the effective batch."""

    step: int
    total_steps: int
    epoch: int
    loss: float
    lr: float
    images_per_second: float


@dataclass(frozen=True)
class EpochEvent:
    """One epoch with its validation; accuracies are ``None`` without labels, ``ema_*`` without averaged weights."""

    epoch: int
    epochs: int
    step: int
    train_loss: float
    val_loss: float
    val_accuracy: float | None
    seconds: float
    best_accuracy: float | None
    is_best: bool
    ema_val_loss: float | None = None
    ema_val_accuracy: float | None = None


class Observer(Protocol):
    """Anything that wants to know: the display, the log files."""

    def on_step(self, event: StepEvent) -> None:
        """Hear of a step."""

    def on_epoch(self, event: EpochEvent) -> None:
        """Hear of an epoch."""

    def on_note(self, text: str) -> None:
        """Hear of something the user should know, in one line."""


class Audience:
    """Several observers as one."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def on_step(self, event: StepEvent) -> None:
        """Tell all of a step."""
        for observer in self._observers:
            observer.on_step(event)

    def on_epoch(self, event: EpochEvent) -> None:
        """Tell all of an epoch."""
        for observer in self._observers:
            observer.on_epoch(event)

    def on_note(self, text: str) -> None:
        """Tell all of a note."""
        for observer in self._observers:
            observer.on_note(text)
