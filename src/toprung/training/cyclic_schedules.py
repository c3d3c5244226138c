"""Rates that go up and down: cosine cycles as in SWA Object Detection, and torch's three ``CyclicLR`` policies."""

from __future__ import annotations

import math
from collections.abc import Callable

from toprung.training.recipe import Recipe
from toprung.training.schedules import Schedule, Span, floor_of, register


def cosine_cycle(step: int, *, length: int, floor: float) -> float:
    """Return the factor on the peak rate: in every cycle half a cosine from 1 towards ``floor``.

    A cycle's step i has the angle ``π · i / length``, so that its last step lies a little above ``floor``.

    Args:
        step: steps taken so far, 0 ≤ step.
        length: steps of a cycle, at least 1.
        floor: in [0, 1].

    Source: Zhang et al. 2020 (arXiv 2012.12645), section 3: each epoch a cycle from lr to 0.01 lr, per iteration.
    """
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * (step % length) / length))


def height(step: int, *, up: int, down: int) -> tuple[float, int]:
    """Return how high the rate stands in its cycle, in [0, 1], and the number of the cycle, from 1.

    Args:
        step: steps taken so far, 0 ≤ step.
        up: steps from the lowest to the highest rate.
        down: steps back.

    Source: Smith 2017 (arXiv 1506.01186), section 3.2, in the form of torch's ``CyclicLR``.
    """
    total, ratio = up + down, up / (up + down)
    cycle = math.floor(1 + step / total)
    x = 1.0 + step / total - cycle
    return (x / ratio if x <= ratio else (x - 1) / (ratio - 1)), cycle


@register("cycles")
def _cycles(recipe: Recipe, span: Span) -> Schedule:
    length, floor = max(round(recipe.schedule.cycle_epochs * span.epoch_steps), 1), floor_of(recipe)
    return Schedule(lambda step: cosine_cycle(step, length=length, floor=floor))


@register("triangular")
def _triangular(recipe: Recipe, span: Span) -> Schedule:
    return _cyclic(recipe, span, lambda step, cycle: 1.0)


@register("triangular2")
def _triangular2(recipe: Recipe, span: Span) -> Schedule:
    return _cyclic(recipe, span, lambda step, cycle: 0.5 ** (cycle - 1))


@register("exp_range")
def _exp_range(recipe: Recipe, span: Span) -> Schedule:
    return _cyclic(recipe, span, lambda step, cycle: recipe.schedule.gamma**step)


def _cyclic(recipe: Recipe, span: Span, scale: Callable[[int, int], float]) -> Schedule:
    """Return torch's ``CyclicLR`` from ``floor · peak`` to the peak; its momentum goes the other way."""
    settings, floor = recipe.schedule, floor_of(recipe)
    up = settings.step_up
    down = settings.step_down or max(span.epoch_steps - up, 1)

    def scaled(step: int) -> float:
        share, cycle = height(step, up=up, down=down)
        return share * scale(step, cycle)

    def momentum(step: int) -> float:
        return settings.max_momentum - (settings.max_momentum - settings.base_momentum) * scaled(step)

    return Schedule(
        rate=lambda step: floor + (1 - floor) * scaled(step),
        momentum=momentum if settings.cycle_momentum else None,
    )
