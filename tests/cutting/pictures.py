"""Small scenes with a known truth: paper, an object on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def grid(height: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y, x = np.mgrid[0:height, 0:width].astype(float)
    return y / height * 2 - 1, x / width * 2 - 1


def lit_paper(
    height: int = 120,
    width: int = 160,
    colour: tuple[float, float, float] = (0.75, 0.6, 0.2),
    degree: int = 2,
    noise: float = 0.0,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Paper whose brightness is a polynomial of ``degree`` in x and y, plus sensor noise."""
    y, x = grid(height, width)
    terms = [0 * x, 0.12 * x + 0.06 * y, -0.08 * (x * x + y * y), 0.05 * x**3 - 0.04 * x * y * y]
    light = 1 + sum(terms[: degree + 1])
    rng = np.random.default_rng(seed)
    values = light[..., None] * np.array(colour) + noise * rng.normal(size=(height, width, 3))
    return np.clip(values, 0, 1).astype(np.float32)


def disc(
    height: int = 120, width: int = 160, centre: tuple[float, float] = (0.5, 0.5), radius: float = 0.28
) -> NDArray:
    """The alpha of a disc with an edge one pixel soft: centre as shares of the picture, radius of its height."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    away = np.hypot(y + 0.5 - centre[0] * height, x + 0.5 - centre[1] * width)
    return np.clip(radius * height - away + 0.5, 0, 1).astype(np.float32)


def lay(paper: NDArray, alpha: NDArray, colour: tuple[float, float, float] = (0.15, 0.3, 0.7)) -> NDArray[np.float32]:
    """Lay a plain object on paper."""
    share = alpha[..., None]
    return (share * np.array(colour) + (1 - share) * paper).astype(np.float32)


def dead_leaves(height: int = 120, width: int = 160, seed: int = 0) -> NDArray[np.float32]:
    """A picture that is plain nowhere: discs of all sizes and colours, one over the other."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    picture = np.zeros((height, width, 3), np.float32)
    for _ in range(500):
        radius = 4 / np.sqrt(1 - rng.random() * 0.98)
        inside = np.hypot(y - rng.uniform(0, height), x - rng.uniform(0, width)) < radius
        picture[inside] = rng.uniform(0, 1, 3)
    return picture
