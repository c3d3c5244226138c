"""Learning rate over time: pure functions of the step."""

from __future__ import annotations

import math


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
