"""Choose how to train a model in the memory there is: whole, at the asked batch, with the least done to it.

Nothing here builds or runs a model; what a choice needs is asked of a function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

# Pictures per forward pass from which a device is well used, and BatchNorm's statistics are those of a batch: dearer
# means are taken to get there, none to get beyond. A judgement, not a measurement.
ENOUGH = 16


@dataclass(frozen=True)
class Means:
    """What is done to save memory.

    Attributes:
        precision: of autocast: ``fp32``, ``bf16`` or ``fp16``.
        grad_checkpointing: compute activations anew for the backward pass.
        optimizer: its name.
        freeze: as ``optimisation.freeze``.
    """

    precision: str
    grad_checkpointing: bool = False
    optimizer: str = "adamw"
    freeze: str = "none"


@dataclass(frozen=True)
class Choice:
    """A way to train that fits.

    Attributes:
        means: what is done.
        micro_batch: pictures per forward pass in one process; divides the pictures per process.
        accumulation: forward passes per optimiser step.
        processes: how many train together; micro-batch × accumulation × processes is the effective batch.
        needed: bytes, as estimated.
    """

    means: Means
    micro_batch: int
    accumulation: int
    processes: int
    needed: int


Needed = Callable[[Means, int], int]
"""Means and micro-batch to the bytes that training needs in one process."""


@dataclass(frozen=True)
class Unfittable:
    """Nothing fits.

    Attributes:
        means: those that need least.
        needed: bytes, for one picture at a time.
    """

    means: Means
    needed: int


def choose(
    ways: Sequence[Means],
    last_resort: Sequence[Means],
    *,
    pictures: int,
    processes: int,
    budget: int,
    needed: Needed,
) -> Choice | Unfittable:
    """Return the first way that fits ``ENOUGH`` pictures at a time, or else the one that fits most.

    Only the first way may take more pictures at a time than ``ENOUGH``; so more memory never makes the micro-batch
    smaller. The last resort is tried in its order when none of the ways fits a single picture.

    Args:
        ways: from the mildest means to the strongest.
        last_resort: further ways, each needing less than the one before, such as freezing more and more blocks.
        pictures: per optimiser step and process.
        processes: how many train together.
        budget: bytes that one process may take.
        needed: may be asked many times for the same.
    """
    best: tuple[int, Means] | None = None
    few = [one for one in _divisors(pictures) if one <= ENOUGH]
    for number, means in enumerate(ways):
        allowed = few if number else _divisors(pictures)
        largest = _largest(allowed, lambda count, means=means: needed(means, count) <= budget)  # type: ignore[misc]
        if largest and (best is None or largest > best[0]):
            best = largest, means
        if best and best[0] >= few[-1]:
            break
    if best is None:
        best = _resort(last_resort, pictures, lambda means, count: needed(means, count) <= budget)
    if best is None:
        least = min((*ways, *last_resort[-1:]), key=lambda means: needed(means, 1))
        return Unfittable(least, needed(least, 1))
    micro, means = best
    return Choice(means, micro, pictures // micro, processes, needed(means, micro))


def _resort(ways: Sequence[Means], pictures: int, fits: Callable[[Means, int], bool]) -> tuple[int, Means] | None:
    """Return the mildest of ways, each of which needs less than the one before, that fits a picture, and how many."""
    if not ways or not fits(ways[-1], 1):
        return None
    low, high = 0, len(ways) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(ways[middle], 1) else (middle + 1, high)
    means = ways[low]
    few = [one for one in _divisors(pictures) if one <= ENOUGH]
    return _largest(few, lambda count: fits(means, count)), means


def _largest(ascending: Sequence[int], fits: Callable[[int], bool]) -> int:
    """Return the largest number that fits, 0 when none does; needs grow with the number."""
    low, high = 0, len(ascending)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if fits(ascending[middle]) else (low, middle)
    return ascending[low - 1] if low else 0


def _divisors(number: int) -> list[int]:
    return [one for one in range(1, number + 1) if number % one == 0]
