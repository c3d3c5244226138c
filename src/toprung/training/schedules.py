"""Learning rate over time: pure functions of the step, by the name that ``schedule.kind`` gives them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from toprung.errors import RecipeError, nearest
from toprung.training.recipe import Recipe


@dataclass(frozen=True)
class Schedule:
    """What changes with the step (0-based, within the stage).

    Attributes:
        rate: the factor on every group's peak rate.
        momentum: SGD's momentum or Adam's beta1, ``None`` where it stays as it is.
    """

    rate: Callable[[int], float]
    momentum: Callable[[int], float] | None = None


@dataclass(frozen=True)
class Span:
    """How long a stage is: optimiser steps in all, and of one epoch."""

    steps: int
    epoch_steps: int


Build = Callable[[Recipe, Span], Schedule]
_KINDS: dict[str, Build] = {}


def register(name: str) -> Callable[[Build], Build]:
    """Add a kind of schedule under a name."""

    def add(build: Build) -> Build:
        _KINDS[name] = build
        return build

    return add


def make_schedule(recipe: Recipe, span: Span) -> Schedule:
    """Return the schedule of a recipe, or of one of its stages.

    Raises:
        RecipeError: there is no such kind; the nearest names are suggested.
    """
    from toprung.training import cyclic_schedules, swa_schedule  # noqa: F401 - they register their kinds

    kind = recipe.schedule.kind
    if kind not in _KINDS:
        known = ", ".join(sorted(_KINDS))
        raise RecipeError(f"schedule.kind = {kind!r} is not one of {known}.{nearest(kind, _KINDS)}")
    return _KINDS[kind](recipe, span)


def floor_of(recipe: Recipe) -> float:
    """Return the lowest rate as a share of the peak: ``min_lr`` where given, else ``min_lr_ratio``."""
    lowest, peak = recipe.schedule.min_lr, recipe.optimisation.peak_lr
    return recipe.schedule.min_lr_ratio if lowest is None else min(lowest / peak, 1.0)


def warmup_cosine(step: int, *, total: int, warmup: int, floor: float) -> float:
    """Return the factor on the peak rate at optimiser step ``step`` (0-based).

    Linear from 1/warmup to 1 over the first ``warmup`` steps, then half a cosine from 1 to ``floor``
    (Loshchilov & Hutter 2017, "SGDR", eq. 5 without restarts).

    Args:
        step: steps taken so far, 0 ≤ step.
        total: steps of the whole run.
        warmup: steps of the warm-up, below ``total``.
        floor: factor at the end, in [0, 1].
    """
    if step < warmup:
        return (step + 1) / warmup
    progress = min((step - warmup) / max(total - warmup, 1), 1.0)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress))


def mae_cosine(step: int, *, total: int, warmup: float, floor: float) -> float:
    """Return MAE's factor on the peak rate at optimiser step ``step`` (0-based).

    As :func:`warmup_cosine`, but the warm-up starts at 0: ``step / warmup``, as the published code of MAE computes it
    for every iteration (its ``adjust_learning_rate``). Arguments as :func:`warmup_cosine`.
    """
    if step < warmup:
        return step / warmup
    progress = min((step - warmup) / max(total - warmup, 1), 1.0)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress))


def warmup_steps(recipe: Recipe, span: Span) -> int:
    """Return the whole steps of the warm-up, fewer than the span has."""
    return min(int(recipe.schedule.warmup_epochs * span.epoch_steps), span.steps - 1)


@register("cosine")
def _cosine(recipe: Recipe, span: Span) -> Schedule:
    warmup, floor = warmup_steps(recipe, span), floor_of(recipe)
    return Schedule(lambda step: warmup_cosine(step, total=span.steps, warmup=warmup, floor=floor))


@register("mae")
def _mae(recipe: Recipe, span: Span) -> Schedule:
    warmup, floor = min(recipe.schedule.warmup_epochs * span.epoch_steps, span.steps - 1), floor_of(recipe)
    return Schedule(lambda step: mae_cosine(step, total=span.steps, warmup=warmup, floor=floor))


@register("constant")
def _constant(recipe: Recipe, span: Span) -> Schedule:
    warmup = warmup_steps(recipe, span)
    return Schedule(lambda step: min((step + 1) / warmup, 1.0) if warmup else 1.0)
