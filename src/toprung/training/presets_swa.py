"""Stochastic weight averaging: presets that go on from a finished run (`toprung train --from RUN --preset swa`)."""

from __future__ import annotations

from toprung.training.presets import Settings, register

_AVERAGING: Settings = {
    "schedule.epochs": 12,
    "schedule.warmup_epochs": 0.0,
    "schedule.min_lr": None,
    "schedule.min_lr_ratio": 0.01,
    "averaging.swa": True,
    "averaging.swa_start_epoch": 0,
    "averaging.ema_decay": 0.0,
    "stages": [],
}


@register
def swa(model: str | None) -> Settings:
    """Average the epoch ends of 12 more epochs, each a cosine from the run's rate to a hundredth of it.

    Zhang et al. 2020, "SWA Object Detection" (arXiv 2012.12645): 12 epochs, one cycle each, per iteration.
    """
    return {**_AVERAGING, "schedule.kind": "cycles", "schedule.cycle_epochs": 1.0}


@register
def swa_annealed(model: str | None) -> Settings:
    """Average the epoch ends after the rate has moved, within 3 epochs, to half of the run's and stays there.

    Izmailov et al. 2018 (arXiv 1803.05407) as `torch.optim.swa_utils` has it, with SWALR.
    """
    return {
        **_AVERAGING,
        "schedule.kind": "swalr",
        "schedule.anneal_epochs": 3,
        "schedule.swa_lr_ratio": 0.5,
        "averaging.swa_start_epoch": 3,
    }


@register
def swa_cyclic(model: str | None) -> Settings:
    """Average the epoch ends of 12 epochs of torch's CyclicLR: one step up, the rest of the epoch down, linearly.

    Smith 2017 (arXiv 1506.01186), `triangular`; `--set schedule.kind=triangular2` or `exp_range` for the others.
    """
    return {**_AVERAGING, "schedule.kind": "triangular", "schedule.step_up": 1, "schedule.step_down": 0}
