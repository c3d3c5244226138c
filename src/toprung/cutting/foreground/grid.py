"""Sparse matrices among the unknown pixels of a tile.

Legend: H × W pixels of the tile, N of them unknown, numbered in reading order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Operator = Callable[[Floats], Floats]

_ASIDE = ((0, 1), (1, 0), (0, -1), (-1, 0))
_ROW = np.array([1, 4, 6, 4, 1], np.float32) / 16


class Grid:
    """The unknown pixels of a tile and their neighbours."""

    def __init__(self, unknown: NDArray[np.bool_]) -> None:
        self.shape = unknown.shape
        self.rows, self.columns = np.nonzero(unknown)
        self.count = self.rows.size
        self._number = np.full(unknown.shape, -1, np.int32)
        self._number[self.rows, self.columns] = np.arange(self.count, dtype=np.int32)

    def beside(self, dy: int, dx: int) -> tuple[NDArray, NDArray, NDArray[np.int32], NDArray[np.bool_]]:
        """Return the neighbours' rows, columns, numbers (−1 where known), and whether they lie inside the tile."""
        y = np.clip(self.rows + dy, 0, self.shape[0] - 1)
        x = np.clip(self.columns + dx, 0, self.shape[1] - 1)
        return y, x, self._number[y, x], (y == self.rows + dy) & (x == self.columns + dx)

    def matrix(self, others: list[NDArray[np.int32]], weights: list[Floats]) -> Operator:
        """Return the operator with ``weights[k][i]`` in row i and column ``others[k][i]``; −1 is no column."""
        from scipy.sparse import csr_array

        column = np.stack(others, axis=1)
        weight = np.where(column >= 0, np.stack(weights, axis=1), 0).astype(np.float32)
        column = np.where(column >= 0, column, np.arange(self.count, dtype=np.int32)[:, None])
        starts = np.arange(self.count + 1, dtype=np.int32) * len(others)
        sparse = csr_array((weight.ravel(), column.ravel().astype(np.int32), starts), shape=(self.count, self.count))
        return lambda values: np.asarray(sparse @ values, np.float32)


class Springs:
    """What ties each unknown pixel to its four neighbours: a matrix among the unknown, a pull to the known."""

    def __init__(
        self, grid: Grid, values: Floats, held: NDArray[np.bool_], weigh: Callable[[NDArray, NDArray, NDArray], Floats]
    ) -> None:
        """Tie the pixels.

        Args:
            grid: the pixels.
            values: ``(H, W, 3)`` float32, what known pixels pull to.
            held: ``(H, W)`` bool, which known pixels pull.
            weigh: neighbours' rows, columns and numbers → the spring's strength, the same from both ends.
        """
        self.total = np.full((grid.count, 1), 1e-6, np.float32)
        self.pull = np.zeros((grid.count, 3), np.float32)
        others, weights = [], []
        for dy, dx in _ASIDE:
            y, x, other, inside = grid.beside(dy, dx)
            weight = (weigh(y, x, other) * (inside & ((other >= 0) | held[y, x]))).astype(np.float32)
            self.total += weight[:, None]
            known = other < 0
            self.pull[known] += weight[known, None] * values[y[known], x[known]]
            others.append(other)
            weights.append(weight)
        self.near = grid.matrix(others, weights)


class Colours:
    """How colours that were stored at half resolution see the unknown pixels: each through 5 × 5 of them."""

    def __init__(self, grid: Grid) -> None:
        others, weights = [], []
        for dy in range(-2, 3):
            for dx in range(-2, 3):
                _, _, other, inside = grid.beside(dy, dx)
                others.append(np.where(inside, other, -1))
                weights.append(np.full(grid.count, _ROW[dy + 2] * _ROW[dx + 2], np.float32))
        self.spread = grid.matrix(others, weights)
        """Symmetric: the binomial looks alike from both ends."""
