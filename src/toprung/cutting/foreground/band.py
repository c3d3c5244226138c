"""Colours of the object and of the background in the mixed pixels of one tile, by maximum a posteriori.

Legend: H × W pixels of the tile, N of them unknown, 3 channels. F is the object's colour, R what the background differs
from the plate P by, I the photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.foreground.encodings import Encoding

Floats = NDArray[np.float32]


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
    unknown: NDArray[np.bool_], way: Encoding, priors: Priors, rounds: int,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return F and R at the unknown pixels.

    Minimises the sum of (alpha F + (1 − alpha)(P + R) − I)² / variance over the unknown pixels, and of
    (F_p − F_q)² / (front² + d²) and (R_p − R_q)² / back² over neighbours, where d is how much F differs between them in
    the first guess: a Cauchy prior, which leaves the object's own edges alone. Pixels around the unknown ones hold:
    F = ``front`` where alpha is above 0, R = ``rest`` where it is below 1.

    Args:
        photo, plate: ``(H, W, 3)`` float32 sRGB.
        alpha: ``(H, W)`` float32.
        sigma: ``(H, W)`` float32 sRGB units, the plate's own error per pixel.
        front: ``(H, W, 3)`` float32 sRGB, first guess of F.
        rest: ``(H, W, 3)`` float32, first guess of R, in the encoding's values.
        unknown: ``(H, W)`` bool, N true.
        way: the encoding.
        priors: scales.
        rounds: steps of conjugate gradients.

    Returns:
        ``(N, 3)`` float32 sRGB of F, not clipped, and ``(N, 3)`` float32 R in the encoding's values.

    Source:
        The energy is that of Germer, Uelwer, Conrad & Harmeling 2020, "Fast multi-level foreground estimation", with
        variances for weights and the plate for a mean of B.
    """
    rows, columns = np.nonzero(unknown)
    number = np.full(unknown.shape, -1, np.int32)
    number[rows, columns] = np.arange(rows.size, dtype=np.int32)
    a = alpha[rows, columns][:, None]
    b = 1 - a
    seen = photo[rows, columns]
    tilt = way.slope(seen).mean(axis=1, keepdims=True)
    variance = (priors.noise**2 + (b[:, 0] * sigma[rows, columns]) ** 2)[:, None] * tilt**2
    data = 1 / np.maximum(variance, np.float32(1e-9))
    lit = way.mixed(seen) - b * way.mixed(plate[rows, columns])
    guess = front[rows, columns]
    f, r = way.mixed(np.clip(guess, 0, 1)), rest[rows, columns]
    steep = way.slope(np.clip(guess, 0, 1)).mean(axis=1)
    links_f = _Links(number, rows, columns)
    links_r = _Links(number, rows, columns)
    for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        y, x, there = _neighbours(rows, columns, dy, dx, unknown.shape)
        difference = ((front[y, x] - guess) ** 2).mean(axis=1)
        other = number[y, x]
        slope = np.where(other >= 0, np.sqrt(steep * steep[other]), steep)
        weight_f = there / ((priors.front**2 + difference) * slope**2)
        weight_f *= (other >= 0) | (alpha[y, x] > 0)
        links_f.add(other, weight_f, way.mixed(np.clip(front[y, x], 0, 1)))
        weight_r = there / (priors.back**2 * tilt[:, 0] ** 2)
        if way.slope is not np.ones_like:  # both ends of a link weigh it alike
            weight_r = np.where(other >= 0, there / (priors.back**2 * tilt[:, 0] * tilt[other, 0]), weight_r)
        weight_r *= (other >= 0) | (alpha[y, x] < 1)
        links_r.add(other, weight_r, rest[y, x])
    f, r = _conjugate_gradients(a, b, data, lit, f, r, links_f, links_r, rounds)
    return way.encoded(f), r


def _neighbours(
    rows: NDArray, columns: NDArray, dy: int, dx: int, shape: tuple[int, ...]
) -> tuple[NDArray, NDArray, Floats]:
    """Return the neighbours' rows and columns, kept inside, and 1 where they are inside."""
    y, x = np.clip(rows + dy, 0, shape[0] - 1), np.clip(columns + dx, 0, shape[1] - 1)
    return y, x, ((y == rows + dy) & (x == columns + dx)).astype(np.float32)


class _Links:
    """The springs between neighbours: a symmetric matrix among the unknown pixels, and a pull to the known ones."""

    def __init__(self, number: NDArray[np.int32], rows: NDArray, columns: NDArray) -> None:
        self._count = rows.size
        self.total = np.full(rows.size, 1e-6, np.float32)
        self.pull = np.zeros((rows.size, 3), np.float32)
        self._parts: list[tuple[NDArray, NDArray, NDArray]] = []

    def add(self, other: NDArray[np.int32], weight: Floats, values: Floats) -> None:
        """Tie each unknown pixel to one neighbour: unknown pixel ``other``, or, where that is −1, known values."""
        weight = weight.astype(np.float32)
        self.total += weight
        known = other < 0
        self.pull[known] += weight[known, None] * values[known]
        mine = np.flatnonzero(~known)
        self._parts.append((mine, other[mine], weight[mine]))

    def matrix(self):  # type: ignore[no-untyped-def]
        from scipy.sparse import coo_array

        row, column, weight = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        return coo_array((weight, (row, column)), shape=(self._count, self._count)).tocsr()


def _conjugate_gradients(
    a: Floats, b: Floats, data: Floats, lit: Floats, f: Floats, r: Floats, links_f: _Links, links_r: _Links, rounds: int
) -> tuple[Floats, Floats]:
    """Solve for F and R, preconditioned by the 2 × 2 block of each pixel."""
    near_f, near_r = links_f.matrix(), links_r.matrix()
    total_f, total_r = links_f.total[:, None], links_r.total[:, None]
    ff, fr, rr = data * a * a + total_f, data * a * b, data * b * b + total_r
    scale = 1 / (ff * rr - fr * fr)

    def times(x: Floats, y: Floats) -> tuple[Floats, Floats]:
        return ff * x + fr * y - near_f @ x, fr * x + rr * y - near_r @ y

    def solved(x: Floats, y: Floats) -> tuple[Floats, Floats]:
        return scale * (rr * x - fr * y), scale * (ff * y - fr * x)

    def dot(x: Floats, y: Floats, u: Floats, v: Floats) -> NDArray[np.float64]:
        return np.einsum("nc,nc->c", x, u, dtype=np.float64) + np.einsum("nc,nc->c", y, v, dtype=np.float64)

    x, y = times(f, r)
    left_f, left_r = data * a * lit + links_f.pull - x, data * b * lit + links_r.pull - y
    step_f, step_r = solved(left_f, left_r)
    energy = dot(left_f, left_r, step_f, step_r)
    start = energy
    for _ in range(rounds):
        x, y = times(step_f, step_r)
        size = (energy / np.maximum(dot(step_f, step_r, x, y), 1e-30)).astype(np.float32)
        f, r = f + size * step_f, r + size * step_r
        left_f, left_r = left_f - size * x, left_r - size * y
        x, y = solved(left_f, left_r)
        after = dot(left_f, left_r, x, y)
        if (after <= 1e-6 * start + 1e-12).all():
            break
        grow = (after / np.maximum(energy, 1e-30)).astype(np.float32)
        step_f, step_r, energy = x + grow * step_f, y + grow * step_r, after
    return f, r
