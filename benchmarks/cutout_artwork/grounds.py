"""What lies under the object: sheets of paper under a lamp, and photographs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from benchmarks.cutout_artwork.camera import Floats, to_light, to_srgb

MARGIN = 0.09
"""Of the width, around the picture, so that a hand-held second picture still sees ground."""


def field(rng: np.random.Generator, height: int, width: int, grain: float) -> Floats:
    """Smooth noise of a grain in pixels: mean 0, standard deviation 1."""
    rows, columns = int(height / grain) + 3, int(width / grain) + 3
    small = rng.normal(size=(rows, columns)).astype(np.float32)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def paper(rng: np.random.Generator, colour: tuple[float, float, float], width: int, height: int) -> Floats:
    """A sheet with fibres and specks under a lamp to one side: ``(H', W', 3)`` with the margin, sRGB."""
    margin = int(MARGIN * width)
    tall, wide = height + 2 * margin, width + 2 * margin
    y, x = np.mgrid[0:tall, 0:wide].astype(np.float32)
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.03, 0.2)
    ramp = (np.cos(angle) * (x / wide - 0.5) + np.sin(angle) * (y / tall - 0.5)) * strength * 2
    lamp = np.exp(-(((x / wide - rng.uniform(0.2, 0.8)) ** 2 + (y / tall - rng.uniform(0.2, 0.8)) ** 2) / 0.6))
    light = (0.9 + ramp) * (1 - strength / 2 + strength * lamp)
    texture = rng.uniform(0.002, 0.012)
    fibres = sum(field(rng, tall, wide, grain) for grain in (1.3, 2.6, 9.0)) / 3
    sheet = to_light(np.array(colour, np.float32) / 255) * (light * (1 + 2 * texture * fibres))[..., None]
    for _ in range(int(rng.integers(0, 25))):
        centre = (int(rng.integers(wide)), int(rng.integers(tall)))
        sheet[centre[1] : centre[1] + 2, centre[0] : centre[0] + 2] *= rng.uniform(0.7, 1.1)
    return to_srgb(sheet)


def photograph(rng: np.random.Generator, path: Path, width: int, height: int) -> Floats:
    """A piece of a photograph with the margin: ``(H', W', 3)`` sRGB, scaled to at most its own resolution if it can."""
    margin = int(MARGIN * width)
    tall, wide = height + 2 * margin, width + 2 * margin
    whole = cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1]
    least = max(tall / whole.shape[0], wide / whole.shape[1])
    scale = max(least, min(1.0, least * rng.uniform(1.0, 1.3)))
    size = (int(np.ceil(whole.shape[1] * scale)), int(np.ceil(whole.shape[0] * scale)))
    resized = cv2.resize(whole, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    top, left = int(rng.integers(resized.shape[0] - tall + 1)), int(rng.integers(resized.shape[1] - wide + 1))
    return (resized[top : top + tall, left : left + wide] / 255).astype(np.float32)
