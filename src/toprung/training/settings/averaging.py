"""Which weights of a training are the run's: averages over time, the best or the last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from toprung.training.settings.rule import require


@dataclass(frozen=True)
class AveragingSettings:
    """Which weights of a training are the run's: averages over time, the best or the last.

    Attributes:
        ema_decay: decay of the exponential moving average per step, 0 for none; warmed up as
            ``min(decay, (1 + t) / (10 + t))``. The average is evaluated beside the raw weights.
        swa: the run's model is the plain mean of the weights at epoch ends (Izmailov et al. 2018); the last weights
            and those of the best epoch are kept and scored beside it.
        swa_start_epoch: how many epochs pass before the first that counts.
        keep: the weights of the best epoch by validation (``best``), or those of the last one, whatever validation says
            (``last``); with ``ema_decay``, those of the moving average.
    """

    ema_decay: float = 0.0
    swa: bool = False
    swa_start_epoch: int = 0
    keep: Literal["best", "last"] = "best"

    def __post_init__(self) -> None:
        require(self.swa_start_epoch >= 0, "averaging.swa_start_epoch", self.swa_start_epoch, "0 or more")
        require(0 <= self.ema_decay < 1, "averaging.ema_decay", self.ema_decay, "in [0, 1)")
