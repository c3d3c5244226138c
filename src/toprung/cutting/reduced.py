"""Less of a scene: at the scale on which masks and slow light are found, or only the window around the object."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.scene import Background, Scene

_PIXELS = 160_000


def working_scale(height: int, width: int) -> float:
    """Return the scale, in (0, 1], at which the mask of a picture is found."""
    return min(1.0, float(np.sqrt(_PIXELS / (height * width))))


def reduced_scene(scene: Scene) -> tuple[Scene, float]:
    """Return a scene with its background at the working scale, and that scale."""
    height, width = scene.rgb.shape[:2]
    scale = working_scale(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    ground = scene.background
    if ground is None or size == (width, height):
        return scene, scale
    area = cv2.INTER_AREA
    valid = cv2.resize(ground.valid.astype(np.uint8) * 255, size, interpolation=area) >= 253
    rgb, sigma = (cv2.resize(plane, size, interpolation=area) for plane in (ground.rgb, ground.sigma))
    small = Background(rgb, sigma, valid, ground.source)
    return Scene(cv2.resize(scene.rgb, size, interpolation=area), small, scene.name), scale


def window_of(wanted: NDArray[np.bool_], margin: float) -> tuple[slice, slice]:
    """Return the rows and columns around the pixels that are wanted, with a margin.

    Args:
        wanted: ``(H, W)`` bool, True somewhere.
        margin: a share of the longer side of the picture; 24 pixels are added.
    """
    x, y, width, height = cv2.boundingRect(wanted.astype(np.uint8))
    edge = 24 + round(margin * max(wanted.shape))
    return slice(max(0, y - edge), y + height + edge), slice(max(0, x - edge), x + width + edge)
