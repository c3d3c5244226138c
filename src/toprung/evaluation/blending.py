"""Overlapping tiles -> one map: where several tiles lie over a pixel, it gets their weighted mean.

Legend: T tiles, K values of each, H × W pixels of the map. The weights inside a tile are its importance map.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from toprung.errors import RecipeError, nearest
from toprung.images.tiles import Box, TileGrid

Importance = Callable[[int, int], NDArray[np.float32]]
"""Height and width of a tile -> its importance map ``(height, width)``, above 0."""

_SIGMA = 0.125  # of the side, as MONAI's default
_LEAST = 1e-3  # as MONAI's: no pixel at a picture's edge is left without a weight

_IMPORTANCES: dict[str, Importance] = {}


def register(importance: Importance) -> Importance:
    """Make an importance map known by its function's name."""
    _IMPORTANCES[importance.__name__] = importance
    return importance


def importance_names() -> tuple[str, ...]:
    """Return the names of all importance maps."""
    return tuple(_IMPORTANCES)


def importance_of(name: str) -> Importance:
    """Return an importance map.

    Raises:
        RecipeError: there is none of that name.
    """
    if name not in _IMPORTANCES:
        known = ", ".join(_IMPORTANCES)
        raise RecipeError(f"there is no importance {name!r}; there are {known}.{nearest(name, _IMPORTANCES, 1)}")
    return _IMPORTANCES[name]


@register
def constant(height: int, width: int) -> NDArray[np.float32]:
    """Every pixel of a tile counts alike."""
    return np.ones((height, width), dtype=np.float32)


@register
def gaussian(height: int, width: int) -> NDArray[np.float32]:
    """The middle of a tile counts most: a Gaussian whose sigma is an eighth of the side, at least 0.001.

    Source: Isensee et al. 2021, "nnU-Net", Nature Methods 18; the floor as in MONAI's ``compute_importance_map``.
    """
    down, across = (np.exp(-(_from_middle(side) ** 2) / (2 * (_SIGMA * side) ** 2)) for side in (height, width))
    return np.maximum(np.outer(down, across), _LEAST).astype(np.float32)


def blend(
    values: NDArray[np.float64], grid: TileGrid, importance: str, shape: tuple[int, int] | None = None
) -> NDArray[np.float32]:
    """Lay what is said of each tile over its pixels and average where tiles overlap.

    ``M(x) = sum_t g_t(x) v_t / sum_t g_t(x)``, with ``g_t`` the importance map at the tile's place. This is what
    MONAI's ``sliding_window_inference`` does with a network that says the same of every pixel of a window.

    Args:
        values: ``(T, K)``, in the order of ``grid.boxes``.
        grid: where the tiles lie.
        importance: ``constant`` or ``gaussian``.
        shape: height and width of the map; ``None`` for those of the picture. A smaller map saves memory: the tiles'
            edges are rounded to its pixels.

    Returns:
        ``(H, W, K)`` float32, within the range of the values.
    """
    height, width = shape or (grid.height, grid.width)
    total = np.zeros((height, width, values.shape[1]), dtype=np.float32)
    weight = np.zeros((height, width, 1), dtype=np.float32)
    for box, value in zip(_boxes(grid, height, width), values.astype(np.float32), strict=True):
        share = _map(importance, box.bottom - box.top, box.right - box.left)[..., None]
        place = (slice(box.top, box.bottom), slice(box.left, box.right))
        total[place] += share * value
        weight[place] += share
    return total / weight


@functools.lru_cache(maxsize=16)
def tile_portions(grid: TileGrid, importance: str) -> NDArray[np.float64]:
    """Return the share of the picture that each tile stands for, ``(T,)``, sum 1.

    ``w_t = mean_x g_t(x) / sum_s g_s(x)`` over the picture's pixels x, so that ``sum_t w_t p_t`` is the mean of the
    blended map, and every pixel counts alike, however many tiles lie over it.
    """
    weight = np.zeros((grid.height, grid.width), dtype=np.float32)
    share = _map(importance, grid.side, grid.side)
    places = [(slice(box.top, box.bottom), slice(box.left, box.right)) for box in grid.boxes]
    for place in places:
        weight[place] += share
    portions = np.array([(share / weight[place]).sum(dtype=np.float64) for place in places])
    portions /= portions.sum()
    portions.flags.writeable = False  # it is kept and handed out again
    return portions


@functools.lru_cache(maxsize=8)
def _map(importance: str, height: int, width: int) -> NDArray[np.float32]:
    return importance_of(importance)(height, width)


def _boxes(grid: TileGrid, height: int, width: int) -> list[Box]:
    """Return the tiles in pixels of a map that shows the picture in another size; they still cover all of it."""
    down, across = height / grid.height, width / grid.width
    return [
        Box(
            top := min(round(box.top * down), height - 1),
            left := min(round(box.left * across), width - 1),
            max(round(box.bottom * down), top + 1),
            max(round(box.right * across), left + 1),
        )
        for box in grid.boxes
    ]


def _from_middle(side: int) -> NDArray[np.float64]:
    return np.arange(side, dtype=np.float64) - (side - 1) / 2
