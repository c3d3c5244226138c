"""A scene at the scale on which masks and slow light are found: their detail needs no more pixels than that."""

from __future__ import annotations

import cv2
import numpy as np

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
