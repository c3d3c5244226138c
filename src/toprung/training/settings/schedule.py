"""How long, and the learning rate over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from toprung.training.settings.rule import require


@dataclass(frozen=True)
class ScheduleSettings:
    """How long, and the learning rate over time, set anew for every step.

    Attributes:
        kind: ``cosine`` (linear warm-up, then half a cosine), ``mae`` (the same, its warm-up from 0 as in MAE's code),
            ``constant`` (after the warm-up), ``swalr`` (cosine, then as torch's SWALR), ``cycles`` (cosine cycles,
            Zhang et al. 2020), or torch's CyclicLR: ``triangular``, ``triangular2``, ``exp_range``.
        epochs: passes over the training pictures.
        warmup_epochs: length of the warm-up, may be a fraction; cyclic kinds have none.
        min_lr_ratio: the lowest rate as a share of the peak.
        min_lr: the lowest rate itself, in place of ``min_lr_ratio``.
        cycle_epochs: length of a cycle of ``cycles``, may be a fraction.
        step_up: of CyclicLR, steps from the lowest rate to the peak.
        step_down: of CyclicLR, steps back; 0 for the rest of an epoch.
        gamma: of ``exp_range``, the factor per step.
        cycle_momentum: of CyclicLR, move the momentum (Adam's beta1) against the rate.
        base_momentum: the momentum at the peak rate.
        max_momentum: the momentum at the lowest rate.
        swa_lr_ratio: of ``swalr``, the rate of the averaging as a share of the peak.
        anneal_epochs: of ``swalr``, length of the change to that rate.
        anneal: of ``swalr``, shape of that change.
    """

    kind: Literal["cosine", "mae", "constant", "swalr", "cycles", "triangular", "triangular2", "exp_range"] = "cosine"
    epochs: int = 30
    warmup_epochs: float = 1.0
    min_lr_ratio: float = 0.01
    min_lr: float | None = None
    cycle_epochs: float = 1.0
    step_up: int = 1
    step_down: int = 0
    gamma: float = 1.0
    cycle_momentum: bool = False
    base_momentum: float = 0.8
    max_momentum: float = 0.9
    swa_lr_ratio: float = 0.5
    anneal_epochs: int = 10
    anneal: Literal["cos", "linear"] = "cos"

    def __post_init__(self) -> None:
        require(self.min_lr is None or self.min_lr >= 0, "schedule.min_lr", self.min_lr, "0 or more")
        require(self.cycle_epochs > 0, "schedule.cycle_epochs", self.cycle_epochs, "above 0")
        require(self.step_up >= 1, "schedule.step_up", self.step_up, "at least 1")
        require(self.step_down >= 0, "schedule.step_down", self.step_down, "0 (the rest of an epoch) or more")
        require(0 < self.gamma <= 1, "schedule.gamma", self.gamma, "in (0, 1]")
        require(self.swa_lr_ratio > 0, "schedule.swa_lr_ratio", self.swa_lr_ratio, "above 0")
        require(self.anneal_epochs >= 0, "schedule.anneal_epochs", self.anneal_epochs, "0 or more")
        for name in ("base_momentum", "max_momentum"):
            value = getattr(self, name)
            require(0 <= value < 1, f"schedule.{name}", value, "in [0, 1)")
        require(self.epochs >= 1, "schedule.epochs", self.epochs, "at least 1")
        require(self.warmup_epochs >= 0, "schedule.warmup_epochs", self.warmup_epochs, "0 or more")
        require(0 <= self.min_lr_ratio <= 1, "schedule.min_lr_ratio", self.min_lr_ratio, "in [0, 1]")
