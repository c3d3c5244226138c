"""Which part of the picture is plain paper: a mixture of smooth surfaces and of anything at all.

The picture's border is explained by one smooth colour surface (a second one where a table's edge or another paper
meets the first) plus a share of outliers that may have any colour: an object that touches the border is such outliers.
A surface is found by random trios of border blocks, judged by the likelihood of the mixture, so that neither a scale
nor a share of outliers has to be guessed, and then grows into the picture: blocks that it explains and that hang
together with the border join it, and its degree rises with what it holds.

Source:
    Torr & Zisserman 2000, "MLESAC"; Chum, Matas & Kittler 2003, "Locally optimized RANSAC".
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.scene import RGB
from toprung.cutting.surfaces import Floats, basis, degree_by_evidence, fit_polynomial

_SCALES = np.array([0.7, 1.5, 3, 6, 12, 22]) / 255  # standard deviations of a block's mean that are tried
_TRIOS = 240
_STRIP = 0.05  # width of the border, share of the shorter side
_REACH = 3.5  # standard deviations within which a block belongs to the surface
_GROWTHS = 6
_LOWEST_SCALE = 0.35 / 255


@dataclass(frozen=True)
class Blocks:
    """The picture as a grid of block means.

    Attributes:
        colours: ``(rows, columns, 3)``.
        places: ``(rows, columns, 2)``, x and y of the blocks' centres, 1 = half the longer side of the picture.
        border: ``(rows, columns)`` bool.
        size: height and width of the picture in pixels.
    """

    colours: Floats
    places: Floats
    border: NDArray[np.bool_]
    size: tuple[int, int]


@dataclass(frozen=True)
class Plain:
    """One plain part of the background.

    Attributes:
        weights: ``(rows, columns)`` in [0, 1]: the robust weight of each block, 0 outside this part.
        scale: standard deviation of the blocks' means about the surface, sRGB units.
        share: of the border's blocks that this part holds.
        degree: of the polynomial at the end of the growth.
    """

    weights: Floats
    scale: float
    share: float
    degree: int


def into_blocks(rgb: RGB, longest: int = 96) -> Blocks:
    """Average the picture into blocks, at most ``longest`` along a side."""
    height, width = rgb.shape[:2]
    shrink = min(1.0, longest / max(height, width))
    rows, columns = max(1, round(height * shrink)), max(1, round(width * shrink))
    colours = cv2.resize(rgb, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float64)
    half = max(height, width) / 2
    x = ((np.arange(columns) + 0.5) * width / columns - width / 2) / half
    y = ((np.arange(rows) + 0.5) * height / rows - height / 2) / half
    strip = max(1, round(_STRIP * min(rows, columns)))
    border = np.ones((rows, columns), bool)
    border[strip:-strip, strip:-strip] = False
    return Blocks(colours, np.stack(np.meshgrid(x, y), -1), border, (height, width))


def find_plain(blocks: Blocks, taken: NDArray[np.bool_]) -> Plain | None:
    """Find the plain surface that explains most of the border outside ``taken``.

    Args:
        blocks: the picture.
        taken: ``(rows, columns)`` bool, blocks that another surface holds already.

    Returns:
        The surface's blocks; None when fewer than six border blocks are left or no surface holds six.
    """
    free = blocks.border & ~taken
    places, colours = blocks.places[free], blocks.colours[free]
    if len(places) < 6:
        return None
    coefficients, degree, scale = _best_start(places, colours)
    held = np.zeros(free.shape, bool)
    for step in range(_GROWTHS):
        miss = np.sqrt(((blocks.colours - _evaluate(blocks, coefficients, degree)) ** 2).mean(-1))
        # the border decides alone at first, then everything that hangs together with it
        held = _hangs_together((miss < _REACH * scale) & ~taken, free) if step else (miss < _REACH * scale) & free
        if np.count_nonzero(held) < 6:
            return None
        weights = np.where(held, (1 - np.minimum(miss / (_REACH * scale), 1) ** 2) ** 2, 0.0)
        at, seen, mass = blocks.places[held], blocks.colours[held], weights[held]
        # noise is one-sided where it touches the object, so the degree is held back until the paper is seen all round
        degree = degree_by_evidence(at, seen, mass, min(step + 1, 3))
        coefficients = fit_polynomial(at, seen, mass, degree)
        left = np.sqrt(((seen - basis(at, degree) @ coefficients) ** 2).mean(1))
        scale = float(np.clip(1.4826 * _weighted_median(left, mass) * 0.85, _LOWEST_SCALE, 1.3 * scale))
    share = np.count_nonzero(held & blocks.border) / np.count_nonzero(blocks.border)
    return Plain(np.where(held, weights, 0.0), scale, share, degree)


def _best_start(places: Floats, colours: Floats) -> tuple[Floats, int, float]:
    """Return coefficients, degree and scale of the start with the highest likelihood."""
    rng = np.random.default_rng(0)  # the same trios each time: the answer is a function of the picture
    terms = basis(places, 1)
    trios = rng.integers(0, len(places), (_TRIOS, 3))
    matrices = terms[trios] + 1e-6 * np.eye(3)
    area = np.abs(np.linalg.det(matrices))
    spread_out = area > 0.05 * max(float(area.max()), 1e-9)
    slopes = np.linalg.solve(matrices[spread_out] + 1e-5 * np.eye(3), colours[trios[spread_out]])
    # paper may darken across the picture, but not by more than half its range: steeper planes fit edges
    slopes = slopes[np.abs(slopes[:, 1:]).max((1, 2)) < 0.4]
    constants = np.zeros((min(60, len(places)), 3, 3))
    constants[:, 0] = colours[np.linspace(0, len(places) - 1, len(constants)).astype(int)]
    planes = np.concatenate([constants, slopes])
    squares = ((terms @ planes - colours[None]) ** 2).sum(-1)  # (planes, N)
    best = (-np.inf, 0, 0.0)
    for scale in _SCALES:
        density = np.exp(-squares / (2 * scale**2)) / (np.sqrt(2 * np.pi) * scale) ** 3
        likelihood = np.log(0.6 * density + 0.4).sum(1)
        winner = int(likelihood.argmax())
        if likelihood[winner] > best[0]:
            best = (float(likelihood[winner]), winner, float(scale))
    return planes[best[1]], 1, best[2]


def _evaluate(blocks: Blocks, coefficients: Floats, degree: int) -> Floats:
    values = basis(blocks.places.reshape(-1, 2), degree) @ coefficients
    return values.reshape(blocks.colours.shape)


def _hangs_together(alike: NDArray[np.bool_], seeds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the parts of ``alike`` that touch ``seeds``."""
    _, labels = cv2.connectedComponents(alike.astype(np.uint8), connectivity=8)
    touched = np.unique(labels[alike & seeds])
    return np.isin(labels, touched[touched > 0])


def _weighted_median(values: Floats, weights: Floats) -> float:
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return float(values[order][min(int(np.searchsorted(total, total[-1] / 2)), len(values) - 1)])
