"""What a trainer's checkpoint holds, and how a trainer takes one up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toprung.training.state import TrainingState

if TYPE_CHECKING:
    from toprung.training.loop import Trainer


def capture(trainer: Trainer) -> TrainingState:
    """Return all that resuming needs; tensors are the trainer's own, not copies."""
    average, epoch_mean, scaler = trainer.average, trainer.epoch_mean, trainer.accelerator.scaler
    return TrainingState(
        progress=trainer.progress,
        model=trainer.raw_model.state_dict(),
        optimizer=trainer.optimizer.state_dict(),
        watch=trainer.watch.state(),
        average=None if average is None else average.module.state_dict(),
        average_updates=0 if average is None else average.updates,
        scaler=None if scaler is None else scaler.state_dict(),
        epoch_mean=None if epoch_mean is None else epoch_mean.state(),
    )


def restore(trainer: Trainer, state: TrainingState) -> None:
    """Take up a checkpoint of the trainer's stage."""
    trainer.raw_model.load_state_dict(state.model)
    trainer.optimizer.load_state_dict(state.optimizer)
    trainer.watch.restore(state.watch)
    if trainer.average is not None and state.average is not None:
        trainer.average.module.load_state_dict(state.average)
        trainer.average.updates = state.average_updates
    if trainer.epoch_mean is not None and state.epoch_mean is not None:
        trainer.epoch_mean.restore(state.epoch_mean)
    if trainer.accelerator.scaler is not None and state.scaler is not None:
        trainer.accelerator.scaler.load_state_dict(state.scaler)
    trainer.progress = state.progress
