"""Small movement of the object between the two photos, found by what a wrong one would do to alpha."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Residuals = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_STEPS = np.array([0.25, 0.25, 0.25, 0.25])  # of the derivative, in pixels at the object's rim
_SEARCH = 2.0  # pixels tried in each direction before refining


def moving(parameters: NDArray[np.float64], centre: tuple[float, float], reach: float) -> NDArray[np.float64]:
    """Return the ``(3, 3)`` similarity of four numbers in pixels: shift in x and y, turn and growth at the rim.

    Args:
        parameters: shift x, shift y, turn × reach, growth × reach.
        centre: x, y of the point about which it turns.
        reach: pixels from the centre to the rim.
    """
    right, down, turn, grow = parameters
    turn, grow = turn / reach, 1 + grow / reach
    cosine, sine = grow * np.cos(turn), grow * np.sin(turn)
    x, y = centre
    return np.array(
        [
            [cosine, -sine, x - cosine * x + sine * y + right],
            [sine, cosine, y - sine * x - cosine * y + down],
            [0, 0, 1.0],
        ]
    )


def register(residuals: Residuals, rounds: int = 6) -> NDArray[np.float64]:
    """Return the four numbers of :func:`moving` at which the residuals are least; zeros when the evidence is weak.

    Args:
        residuals: parameters → one number per pixel, about 1 where noise alone speaks.
        rounds: of Gauss–Newton, each with a Huber weight and halving of steps that do not help.
    """
    best = np.zeros(4)
    still = cost = _cost(residuals(best))
    for reach in (_SEARCH, _SEARCH / 2):
        centre = best.copy()
        for dx in (-reach, 0, reach):
            for dy in (-reach, 0, reach):
                trial = centre + np.array([dx, dy, 0, 0])
                value = _cost(residuals(trial))
                if value < cost:
                    best, cost = trial, value
    precision = np.zeros((4, 4))
    for _ in range(rounds):
        here = residuals(best)
        columns = []
        for axis in range(4):
            step = np.zeros(4)
            step[axis] = _STEPS[axis]
            columns.append((residuals(best + step) - residuals(best - step)) / (2 * _STEPS[axis]))
        slope = np.stack(columns, axis=1)
        scale = max(float(np.median(np.abs(here))) / 0.6745, 0.3)
        weight = 1 / np.maximum(1, np.abs(here) / (2 * scale))
        precision = slope.T @ (weight[:, None] * slope) / scale**2
        move = np.linalg.solve(precision * scale**2 + 1e-3 * np.eye(4), -slope.T @ (weight * here))
        move = np.clip(move, -1, 1)
        for share in (1.0, 0.5, 0.25):
            value = _cost(residuals(best + share * move))
            if value < cost:
                best, cost = best + share * move, value
                break
        else:
            break
        if np.abs(move).max() < 0.01:
            break
    error = np.sqrt(np.diag(np.linalg.inv(precision + 1e-6 * np.eye(4))))
    weak = error[:2].max() > 0.3 or cost > 0.98 * still or np.abs(best).max() > 6
    return np.zeros(4) if weak else best


def _cost(residuals: NDArray[np.float64]) -> float:
    """Return the mean of a loss that grows like the square near 0 and like the root far out."""
    squares = residuals * residuals
    return float(np.mean(np.sqrt(1 + squares) - 1))
