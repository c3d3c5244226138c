"""Made-up scenes with a known alpha."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.scene import RGB, Alpha, Background, Scene


def made_up(
    seed: int = 0, height: int = 160, width: int = 200, source: str = "plate"
) -> tuple[Scene, Alpha, NDArray[np.float32]]:
    """Return a scene of a patterned disc with a hole, its true alpha, and the shadow's shape beside it."""
    rng = np.random.default_rng(seed)
    whole = _disc(height, width, (0.5, 0.5), 0.3)
    alpha = np.clip(whole - _disc(height, width, (0.48, 0.52), 0.08), 0, 1)
    shadow = np.clip(_disc(height, width, (0.58, 0.56), 0.3) - whole, 0, 1)
    shadow = cv2.GaussianBlur(shadow, (0, 0), 4)
    paper = np.broadcast_to(np.float32([0.85, 0.75, 0.35]), (height, width, 3)).copy()
    paper *= np.linspace(0.95, 1.05, width, dtype=np.float32)[None, :, None]
    pattern = cv2.GaussianBlur(rng.random((height, width, 3), dtype=np.float32), (0, 0), 3)
    colours: RGB = np.clip(np.float32([0.2, 0.35, 0.7]) + 2 * (pattern - 0.5), 0, 1)
    shaded = paper * (1 - 0.2 * shadow[..., None])
    photo = alpha[..., None] * colours + (1 - alpha[..., None]) * shaded
    photo = np.clip(photo + rng.normal(0, 0.008, photo.shape), 0, 1).astype(np.float32)
    plate = np.clip(paper + rng.normal(0, 0.008, paper.shape), 0, 1).astype(np.float32)
    everywhere = np.ones((height, width), bool)
    background = Background(plate, np.full((height, width), 0.012, np.float32), everywhere, source)
    return Scene(photo, background, "disc"), alpha, shadow


def _disc(height: int, width: int, at: tuple[float, float], radius: float) -> Alpha:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    away = np.hypot(y - at[0] * height, x - at[1] * width)
    return np.clip(radius * min(height, width) - away + 0.5, 0, 1).astype(np.float32)


def eroded(alpha: Alpha, radius: int) -> Alpha:
    return np.asarray(cv2.erode(alpha, np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)))


def dilated(alpha: Alpha, radius: int) -> Alpha:
    return np.asarray(cv2.dilate(alpha, np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)))


def shifted(alpha: Alpha, pixels: float) -> Alpha:
    move = np.array([[1, 0, pixels], [0, 1, pixels / 2]])
    return np.asarray(cv2.warpAffine(alpha, move, alpha.shape[::-1]))
