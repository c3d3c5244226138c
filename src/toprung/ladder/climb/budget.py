"""Share a time budget among rungs: which of them start, and with how many epochs. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

MARGIN = 1.08
"""Estimates are taken this much longer than measured: steps are timed on an idle machine, and a rung that does not end
in time has cost its time for nothing."""


@dataclass(frozen=True)
class Cost:
    """What a rung takes, in seconds.

    Attributes:
        name: of the rung.
        fixed: apart from epochs: start, last predictions, page.
        per_epoch: training and validation; 0 for a rung without epochs.
        epochs: that it wants.
        least: the fewest epochs worth training; equal to ``epochs`` where they are not for the budget to cut.
        runs: how many runs, of several seeds or folds.
    """

    name: str
    fixed: float
    per_epoch: float = 0.0
    epochs: int = 0
    least: int = 0
    runs: int = 1

    def seconds(self, epochs: int) -> float:
        """Return what the rung takes with so many epochs."""
        return self.runs * (self.fixed + epochs * self.per_epoch)


@dataclass(frozen=True)
class Allotment:
    """What the budget allows one rung.

    Attributes:
        epochs: to train, 0 for a rung without epochs.
        seconds: that it will take.
        refusal: why it does not start, "" where it does.
    """

    epochs: int
    seconds: float
    refusal: str = ""


def allot(costs: Sequence[Cost], remaining: float) -> dict[str, Allotment]:
    """Share what remains of a budget among the rungs that are still to come.

    Rungs are let in by their order, each with its fewest epochs, as long as all that are let in can finish. Finishing
    steps must be passed too: they are let in like the others, and being cheap they are seldom left out. What time is
    then left over goes to epochs, to all rungs in the same proportion, and single epochs to the first that has room.

    Args:
        costs: of the rungs in their order.
        remaining: seconds.
    """
    spare = remaining / MARGIN
    let_in: list[Cost] = []
    refused: dict[str, Allotment] = {}
    used = 0.0
    for cost in costs:
        least = cost.seconds(cost.least)
        if used + least <= spare:
            used += least
            let_in.append(cost)
        else:
            refused[cost.name] = Allotment(0, 0.0, _refusal(cost, spare - used))
    epochs = _epochs(let_in, spare)
    found = {cost.name: Allotment(epochs[cost.name], cost.seconds(epochs[cost.name])) for cost in let_in}
    return {cost.name: (found | refused)[cost.name] for cost in costs}


def _epochs(costs: Sequence[Cost], spare: float) -> dict[str, int]:
    """Return epochs of each rung, as near to all that are wanted as fits."""

    def share(part: float) -> dict[str, int]:
        return {cost.name: max(cost.least, math.floor(part * cost.epochs + 1e-9)) for cost in costs}

    def total(epochs: dict[str, int]) -> float:
        return sum(cost.seconds(epochs[cost.name]) for cost in costs)

    if total(share(1.0)) <= spare:
        return share(1.0)
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if total(share(middle)) <= spare else (low, middle)
    chosen = share(low)
    for cost in costs:
        while chosen[cost.name] < cost.epochs and total(chosen) + cost.runs * cost.per_epoch <= spare:
            chosen[cost.name] += 1
    return chosen


def _refusal(cost: Cost, spare: float) -> str:
    with_epochs = f" with {cost.least} epochs" if cost.least else ""
    if 0 < cost.least < cost.epochs:
        with_epochs = f" even with {cost.least} of {cost.epochs} epochs"
    return (
        f"needs {duration(cost.seconds(cost.least))}{with_epochs}, and {duration(max(spare, 0.0))} of the budget would "
        "be left for it"
    )


def duration(seconds: float) -> str:
    """Return a time as people say it: ``45 s``, ``12 min``, ``3 h 05 min``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"
