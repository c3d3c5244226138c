"""Where two plain grounds meet: which side of the edge each pixel lies on, also under the object."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.border_mixture import Blocks

_STRAIGHT = 0.985  # share of the blocks that a straight line must part correctly


@dataclass(frozen=True)
class Parting:
    """The picture parted in two.

    Attributes:
        second: ``(H, W)`` bool, True on the side of the second ground.
        certain: ``(H, W)`` bool, False in the band along the edge and where the side is only guessed.
    """

    second: NDArray[np.bool_]
    certain: NDArray[np.bool_]


def part_the_picture(blocks: Blocks, first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Parting:
    """Part the picture by a straight line if one divides the blocks of both grounds, else by the nearest block.

    Args:
        blocks: the picture.
        first, second: ``(rows, columns)`` bool, the blocks that each ground holds.
    """
    line = _straight_line(blocks, first, second)
    if line is not None:
        return _by_line(blocks, line)
    return _by_nearest(blocks, first, second)


def _straight_line(blocks: Blocks, first: NDArray[np.bool_], second: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """Fit a x + b y + c (positive on the second side, a² + b² = 1) by logistic regression; None when it fails."""
    places = np.concatenate([blocks.places[first], blocks.places[second]])
    terms = np.column_stack([places, np.ones(len(places))])
    target = np.concatenate([np.zeros(np.count_nonzero(first)), np.ones(np.count_nonzero(second))])
    weights = np.where(target > 0, 0.5 / max(target.sum(), 1), 0.5 / max((1 - target).sum(), 1))
    line = np.zeros(3)
    for _ in range(25):  # Newton's steps, with a ridge that keeps separable data finite
        chance = 1 / (1 + np.exp(-np.clip(terms @ line, -40, 40)))
        curvature = (terms * (weights * np.maximum(chance * (1 - chance), 1e-6))[:, None]).T @ terms
        slope = terms.T @ (weights * (target - chance)) - 1e-5 * line
        line = line + np.linalg.solve(curvature + 1e-5 * np.eye(3), slope)
    right = np.average((terms @ line > 0) == (target > 0), weights=weights)
    length = float(np.hypot(line[0], line[1]))
    return line / length if right >= _STRAIGHT and length > 0 else None


def _by_line(blocks: Blocks, line: NDArray[np.float64]) -> Parting:
    height, width = blocks.size
    half = max(height, width) / 2
    x = (np.arange(width) + 0.5 - width / 2)[None]
    y = (np.arange(height) + 0.5 - height / 2)[:, None]
    distance = line[0] * x + line[1] * y + line[2] * half  # pixels
    # the line is known to about half a block
    band = max(2.0, 0.75 * max(width / blocks.places.shape[1], height / blocks.places.shape[0]))
    return Parting(distance > 0, np.abs(distance) > band)


def _by_nearest(blocks: Blocks, first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Parting:
    to_first = cv2.distanceTransform((~first).astype(np.uint8), cv2.DIST_L2, 5)
    to_second = cv2.distanceTransform((~second).astype(np.uint8), cv2.DIST_L2, 5)
    size = blocks.size[::-1]
    difference = cv2.resize(to_first - to_second, size, interpolation=cv2.INTER_LINEAR)
    nearest = cv2.resize(np.minimum(to_first, to_second), size, interpolation=cv2.INTER_LINEAR)
    # far from both the side is a guess, unless one is clearly nearer
    return Parting(difference > 0, np.abs(difference) > 0.75 + 0.5 * nearest)
