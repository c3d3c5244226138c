"""The rate of stochastic weight averaging as ``torch.optim.swa_utils.SWALR`` sets it."""

from __future__ import annotations

import math

from toprung.training.recipe import Recipe
from toprung.training.schedules import Schedule, Span, floor_of, register, warmup_cosine, warmup_steps


def swalr_share(epochs: int, *, anneal_epochs: int, strategy: str) -> float:
    """Return how far the rate has moved to that of the averaging, in [0, 1], after ``epochs`` of it.

    The rate is ``share · swa_lr + (1 - share) · lr``, with ``lr`` the rate at which the averaging began.

    Args:
        epochs: since the averaging began, 0 ≤ epochs.
        anneal_epochs: length of the change; 0 for at once.
        strategy: ``cos`` or ``linear``.

    Source: ``SWALR`` of torch, its ``anneal_strategy``; Izmailov et al. 2018 (arXiv 1803.05407), section 3.1.
    """
    t = min(epochs / anneal_epochs, 1.0) if anneal_epochs else 1.0
    return (1 - math.cos(math.pi * t)) / 2 if strategy == "cos" else t


@register("swalr")
def _swalr(recipe: Recipe, span: Span) -> Schedule:
    """Warm-up and cosine as usual; from ``averaging.swa_start_epoch`` on the rate moves to that of the averaging."""
    settings, start = recipe.schedule, recipe.averaging.swa_start_epoch
    warmup, floor = warmup_steps(recipe, span), floor_of(recipe)

    def usual(step: int) -> float:
        return warmup_cosine(step, total=span.steps, warmup=warmup, floor=floor)

    def rate(step: int) -> float:
        epochs = step // span.epoch_steps - start
        if epochs < 0:
            return usual(step)
        share = swalr_share(epochs, anneal_epochs=settings.anneal_epochs, strategy=settings.anneal)
        return share * settings.swa_lr_ratio + (1 - share) * usual(start * span.epoch_steps)

    return Schedule(rate)
