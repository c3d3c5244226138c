"""Alpha from brightness and colours that were stored at half resolution, with edges kept and noise smoothed.

Legend: x is 1 − alpha, ``(H, W)``; T spreads a field as halved colours are spread.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.foreground.chroma import spread_colour
from toprung.cutting.triangulation.equations import Evidence, Solved

Floats = NDArray[np.float32]

_SCALE = 0.02  # of differences between neighbours' alpha where there is no edge
_RESTARTS, _ROUNDS = 3, 8


def refine(solved: Solved, valid: NDArray[np.bool_], half_colour: bool) -> Floats:
    """Return alpha that explains brightness per pixel and colours as they were stored.

    Minimises W_luma (x − luma)² + W_colour (T x − colour)² + sum over neighbours of log(1 + (x_p − x_q)² / scale²),
    by conjugate gradients with the last term's weights renewed between restarts.

    Args:
        solved: the pixels' equations.
        valid: ``(H, W)`` bool, where they hold.
        half_colour: whether both photos were stored with colours at half resolution; T is the identity otherwise.

    Returns:
        ``(H, W)`` float32, not clipped.
    """
    spread: Callable[[Floats], Floats] = spread_colour if half_colour else _as_it_is
    luma, colour = (_trusted(evidence, valid) for evidence in (solved.luma, solved.colour))
    x = np.clip(1 - solved.alpha, -0.5, 1.5).astype(np.float32)
    right = luma.information * luma.through + spread(colour.information * colour.through)
    guide = spread_colour(x)
    for _ in range(_RESTARTS):
        across, down = _weights(guide, 1), _weights(guide, 0)
        diagonal = luma.information + colour.information * np.float32(0.3 if half_colour else 1)
        diagonal = diagonal + _degree(across, down) + np.float32(1e-3)

        def times(field: Floats, across: Floats = across, down: Floats = down) -> Floats:
            whole = luma.information * field + spread(colour.information * spread(field)) + np.float32(1e-3) * field
            return whole + _laplacian(field, across, down)

        x = _conjugate_gradients(times, right, diagonal, x)
        x = np.clip(x, 0, 1)
        guide = x
    return 1 - x


def _as_it_is(field: Floats) -> Floats:
    return field


def _trusted(evidence: Evidence, valid: NDArray[np.bool_]) -> Evidence:
    """Return evidence with bounded values and none where the grounds are not known."""
    information = np.where(valid, np.minimum(evidence.information, 1e7), 0).astype(np.float32)
    return Evidence(np.clip(evidence.through, -0.5, 1.5).astype(np.float32), information)


def _weights(guide: Floats, axis: int) -> Floats:
    """Return the weights of differences between neighbours along an axis."""
    return np.asarray(1 / (np.float32(_SCALE**2) + np.diff(guide, axis=axis) ** 2), np.float32)


def _laplacian(field: Floats, across: Floats, down: Floats) -> Floats:
    flow_x, flow_y = across * np.diff(field, axis=1), down * np.diff(field, axis=0)
    out = np.zeros_like(field)
    out[:, :-1] -= flow_x
    out[:, 1:] += flow_x
    out[:-1] -= flow_y
    out[1:] += flow_y
    return out


def _degree(across: Floats, down: Floats) -> Floats:
    out = np.zeros((across.shape[0], down.shape[1]), np.float32)
    out[:, :-1] += across
    out[:, 1:] += across
    out[:-1] += down
    out[1:] += down
    return out


def _conjugate_gradients(times: Callable[[Floats], Floats], right: Floats, diagonal: Floats, x: Floats) -> Floats:
    left = right - times(x)
    step = left / diagonal
    energy = float(np.vdot(left, step))
    stop = 1e-10 * float(np.vdot(right, right / diagonal))
    for _ in range(_ROUNDS):
        if energy <= stop:
            break
        moved = times(step)
        size = np.float32(energy / float(np.vdot(step, moved)))
        x = x + size * step
        left = left - size * moved
        better = left / diagonal
        after = float(np.vdot(left, better))
        step = better + np.float32(after / energy) * step
        energy = after
    return x
