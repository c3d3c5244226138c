"""Notice that training has gone wrong, and say why it probably did."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from toprung.errors import TrainingDiverged

WINDOW = 20
EXPLOSION = 10.0


class LossWatch:
    """Stops a run whose loss is not finite, or whose mean over 20 steps is ten times that of its first 20."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._first: float | None = None

    def check(self, loss: float, *, step: int, lr: float, precision: str) -> None:
        """Take in one step's loss.

        Raises:
            TrainingDiverged: with what was seen, the likely cause, and the remedy.
        """
        if not math.isfinite(loss):
            seen = "NaN" if math.isnan(loss) else "infinite"
            raise TrainingDiverged(f"the loss became {seen} at step {step}{self._tail(lr, precision)}")
        self._recent.append(loss)
        if len(self._recent) < WINDOW:
            return
        mean = sum(self._recent) / WINDOW
        if self._first is None:
            self._first = mean
        elif mean > EXPLOSION * max(self._first, 0.1):
            raise TrainingDiverged(
                f"the loss exploded: its mean over {WINDOW} steps was {self._first:.3g} at first and is {mean:.3g} "
                f"at step {step}{self._tail(lr, precision)}"
            )

    def _tail(self, lr: float, precision: str) -> str:
        before = f" (before: {', '.join(f'{value:.3g}' for value in list(self._recent)[-3:])})" if self._recent else ""
        if precision == "fp16":
            cause = (
                "numbers above 65,504 overflow in fp16: set hardware.precision to bf16 or fp32, "
                "or lower optimisation.lr"
            )
        else:
            cause = "the learning rate is probably too high: lower optimisation.lr or lengthen schedule.warmup_epochs"
        return f"{before}, lr {lr:.2g}, {precision}; {cause}."

    def state(self) -> dict[str, Any]:
        """Return what must be saved to go on watching after a resume."""
        return {"recent": list(self._recent), "first": self._first}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a saved state."""
        self._recent = deque(state["recent"], maxlen=WINDOW)
        self._first = state["first"]
