"""Colours of the object and of the background in the mixed pixels of one tile, by maximum a posteriori.

Legend: H × W pixels of the tile, N of them unknown, 3 channels. F is the object's colour, R what the background differs
from the plate P by, I the photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.foreground.chroma import from_opponent, opponent, spread_colour
from toprung.cutting.foreground.encodings import Encoding
from toprung.cutting.foreground.grid import Colours, Grid, Operator, Springs

Floats = NDArray[np.float32]

_RESTARTS = 2  # of conjugate gradients, each with the prior's weights renewed
_SHARE = 0.3  # of a pixel's own weight in what halved colours say of it, for the preconditioner


@dataclass(frozen=True)
class Priors:
    """What is known beforehand, in sRGB units.

    Attributes:
        noise: standard deviation of the photo's noise.
        front: scale of the differences between neighbouring colours of the object.
        back: the same of photo − plate on the background (of the photo itself without a plate).
    """

    noise: float
    front: float
    back: float


def solve_tile(
    photo: Floats, alpha: Floats, plate: Floats, sigma: Floats, front: Floats, rest: Floats,
    unknown: NDArray[np.bool_], way: Encoding, priors: Priors, half_colour: bool, rounds: int,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return F and R at the unknown pixels.

    Minimises the sum of (alpha F + (1 − alpha)(P + R) − I)² / variance over the unknown pixels, and of
    (F_p − F_q)² / (front² + d²) and (R_p − R_q)² / back² over neighbours, where d is how much F differs between them in
    the first guess: a Cauchy prior, which leaves the object's own edges alone. Pixels around the unknown ones hold:
    F = ``front`` where alpha is above 0, R = ``rest`` where it is below 1. The photo's colours, if they were stored at
    half resolution, are compared with the mixture as it would have been stored.

    Args:
        photo, plate: ``(H, W, 3)`` float32 sRGB.
        alpha: ``(H, W)`` float32.
        sigma: ``(H, W)`` float32 sRGB units, the plate's own error per pixel.
        front: ``(H, W, 3)`` float32 sRGB, first guess of F.
        rest: ``(H, W, 3)`` float32, first guess of R, in the encoding's values.
        unknown: ``(H, W)`` bool, N true.
        way: the encoding.
        priors: scales.
        half_colour: whether the photo's colours were stored at half resolution.
        rounds: steps of conjugate gradients.

    Returns:
        ``(N, 3)`` float32 sRGB of F, not clipped, and ``(N, 3)`` float32 R in the encoding's values.

    Source:
        The energy is that of Germer, Uelwer, Conrad & Harmeling 2020, "Fast multi-level foreground estimation", with
        variances for weights and the plate for a mean of B.
    """
    grid = Grid(unknown)
    at = (grid.rows, grid.columns)
    a = alpha[at][:, None]
    b = 1 - a
    seen = photo[at]
    tilt = way.slope(seen).mean(axis=1)
    variance = (priors.noise**2 + (b[:, 0] * sigma[at]) ** 2) * tilt**2
    data = (1 / np.maximum(variance, np.float32(1e-9)))[:, None]

    def tie_rest(y: NDArray, x: NDArray, other: NDArray) -> Floats:
        return 1 / (priors.back**2 * tilt * np.where(other >= 0, tilt[other], tilt))

    ties_r = Springs(grid, opponent(rest), alpha < 1, tie_rest)
    lit, bare = opponent(way.mixed(seen)), b * opponent(way.mixed(plate[at]))
    see: Operator = _as_it_is
    share = np.ones(3, np.float32)
    if half_colour:
        around = opponent(way.mixed(photo))
        around[unknown] = 0
        see = _halved(Colours(grid).spread)
        lit[:, 1:] -= spread_colour(np.ascontiguousarray(around[..., 1:]))[at]
        share[1:] = _SHARE
    wanted = lit - see(bare)
    guess, r = np.clip(front, 0, 1), opponent(rest[at])
    for _ in range(_RESTARTS):
        ties_f = _front_springs(grid, guess, alpha > 0, way, priors.front)
        f = opponent(way.mixed(guess[at]))
        f, r = _conjugate_gradients(a, b, data, wanted, f, r, ties_f, ties_r, see, share, rounds)
        guess[at] = np.clip(way.encoded(from_opponent(f)), 0, 1)
    return np.asarray(guess[at], np.float32), np.asarray(from_opponent(r), np.float32)


def _front_springs(grid: Grid, guess: Floats, held: NDArray[np.bool_], way: Encoding, scale: float) -> Springs:
    """Tie neighbours' F, weakly where the guess differs between them."""
    mine = guess[grid.rows, grid.columns]
    steep = way.slope(mine).mean(axis=1)

    def tie(y: NDArray, x: NDArray, other: NDArray) -> Floats:
        difference = ((guess[y, x] - mine) ** 2).mean(axis=1)
        return 1 / ((scale**2 + difference) * steep * np.where(other >= 0, steep[other], steep))

    return Springs(grid, opponent(way.mixed(guess)), held, tie)


def _as_it_is(values: Floats) -> Floats:
    return values


def _halved(spread: Operator) -> Operator:
    """Return what keeps luma and spreads the two colour differences."""

    def see(values: Floats) -> Floats:
        return np.concatenate([values[:, :1], spread(np.ascontiguousarray(values[:, 1:]))], axis=1)

    return see


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> Floats:
    """Return the quotient per channel, 0 where there is nothing left to share."""
    return np.where(whole > 1e-20, part / np.maximum(whole, 1e-20), 0).astype(np.float32)


def _conjugate_gradients(
    a: Floats, b: Floats, data: Floats, wanted: Floats, f: Floats, r: Floats, ties_f: Springs, ties_r: Springs,
    see: Operator, share: Floats, rounds: int,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Solve for F and R, preconditioned by the 2 × 2 block of each pixel and channel."""
    own = data * share
    ff, fr, rr = own * a * a + ties_f.total, own * a * b, own * b * b + ties_r.total
    scale = 1 / (own * (a * a * ties_r.total + b * b * ties_f.total) + ties_f.total * ties_r.total)

    def times(x: Floats, y: Floats) -> tuple[Floats, Floats]:
        back = see(data * see(a * x + b * y))
        return a * back + ties_f.total * x - ties_f.near(x), b * back + ties_r.total * y - ties_r.near(y)

    def solved(x: Floats, y: Floats) -> tuple[Floats, Floats]:
        one, two = scale * (rr * x - fr * y), scale * (ff * y - fr * x)
        return one.astype(np.float32, copy=False), two.astype(np.float32, copy=False)

    def dot(x: Floats, y: Floats, u: Floats, v: Floats) -> NDArray[np.float64]:
        return np.asarray(np.einsum("nc,nc->c", x, u, dtype=np.float64) + np.einsum("nc,nc->c", y, v, dtype=np.float64))

    right = see(data * wanted)
    x, y = times(f, r)
    left_f, left_r = a * right + ties_f.pull - x, b * right + ties_r.pull - y
    step_f, step_r = solved(left_f, left_r)
    energy = start = dot(left_f, left_r, step_f, step_r)
    for _ in range(rounds):
        x, y = times(step_f, step_r)
        size = _share(energy, dot(step_f, step_r, x, y))
        f, r = f + size * step_f, r + size * step_r
        left_f, left_r = left_f - size * x, left_r - size * y
        x, y = solved(left_f, left_r)
        after = dot(left_f, left_r, x, y)
        if bool((after <= 1e-6 * start + 1e-12).all()):
            break
        grow = _share(after, energy)
        step_f, step_r, energy = x + grow * step_f, y + grow * step_r, after
    return f.astype(np.float32), r.astype(np.float32)
