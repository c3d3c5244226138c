"""From the raw expected error to the calibrated one, and its interval."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.judge.fitted import FLOOR

_KNOTS = 9


def calibrate(raw: NDArray, true: NDArray, clusters: NDArray) -> dict[str, list[float]]:
    """Fit a rising broken line of log true against log raw error, and quantiles of what is left about each knot.

    Args:
        raw, true: errors of many candidates.
        clusters: what each was drawn from; a residual of one cluster is taken from a line fitted to the others, so
            that the interval also holds for kinds of picture that were not there.
    """
    x, y = np.log(raw + FLOOR), np.log(true + FLOOR)
    knots = np.quantile(x, np.linspace(0.01, 0.99, _KNOTS))
    values = _line(x, y, knots)
    residuals = np.empty_like(y)
    for cluster in np.unique(clusters):
        held = clusters == cluster
        residuals[held] = y[held] - np.interp(x[held], knots, _line(x[~held], y[~held], knots))
    ends: dict[str, list[float]] = {"low": [], "high": []}
    for index in range(_KNOTS):
        near = (x >= knots[max(0, index - 1)]) & (x <= knots[min(_KNOTS - 1, index + 1)])
        for name, level in (("low", 0.05), ("high", 0.95)):
            ends[name].append(float(np.quantile(residuals[near], level)))
    return {"knots": knots.tolist(), "values": values.tolist(), **ends}


def _line(x: NDArray, y: NDArray, knots: NDArray) -> NDArray:
    """The median of y about each knot, made to rise (pool adjacent violators)."""
    values, counts = [], []
    for index, knot in enumerate(knots):
        half = min(abs(knot - knots[index - 1]) if index else np.inf,
                   abs(knots[index + 1] - knot) if index + 1 < len(knots) else np.inf) / 2  # fmt: skip
        near = np.abs(x - knot) <= max(half, 0.05)
        values.append(float(np.median(y[near] - x[near]) + knot) if near.any() else float(knot))
        counts.append(1)
        while len(values) > 1 and values[-2] >= values[-1]:
            low, n = values.pop(), counts.pop()
            values[-1] = (values[-1] * counts[-1] + low * n) / (counts[-1] + n)
            counts[-1] += n
    risen = np.repeat(values, counts)
    return risen + 1e-6 * np.arange(len(risen))
