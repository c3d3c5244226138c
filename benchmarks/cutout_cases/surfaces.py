"""What objects and grounds look like: paints, papers, and photograph-like clutter, all made from a seed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_PAPERS = ("yellow", "kraft", "white", "grey", "purple", "blue", "green", "red", "black")
_SRGB = {
    "yellow": (0.90, 0.76, 0.22),
    "kraft": (0.70, 0.55, 0.38),
    "white": (0.90, 0.90, 0.88),
    "grey": (0.55, 0.55, 0.56),
    "purple": (0.45, 0.25, 0.60),
    "blue": (0.20, 0.38, 0.70),
    "green": (0.25, 0.55, 0.32),
    "red": (0.72, 0.22, 0.20),
    "black": (0.12, 0.12, 0.13),
}


def decode(srgb: NDArray) -> NDArray[np.float32]:
    """sRGB in [0, 1] to linear light (IEC 61966-2-1)."""
    values = np.asarray(srgb, np.float32)
    return np.where(values <= 0.04045, values / 12.92, ((np.maximum(values, 0) + 0.055) / 1.055) ** 2.4).astype(
        np.float32
    )


def encode(linear: NDArray) -> NDArray[np.float32]:
    """Linear light to sRGB in [0, 1], clipped."""
    values = np.clip(np.asarray(linear, np.float32), 0, 1)
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055).astype(np.float32)


def smooth_noise(rng: np.random.Generator, height: int, width: int, scale: float) -> NDArray[np.float32]:
    """Gaussian noise of a scale in pixels, mean 0 and standard deviation 1."""
    small = rng.normal(size=(max(3, int(height / scale) + 3), max(3, int(width / scale) + 3))).astype(np.float32)
    field = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return (field - field.mean()) / (field.std() + 1e-6)


def paper(rng: np.random.Generator, height: int, width: int, colour: str | None = None) -> NDArray[np.float32]:
    """A sheet of coloured paper under uneven light: ``(height, width, 3)`` float32 sRGB."""
    name = colour or str(rng.choice(_PAPERS))
    base = np.array(_SRGB[name]) + rng.normal(0, 0.03, 3)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = y / height - 0.5, x / width - 0.5
    light = 1 + rng.uniform(-0.3, 0.3) * x + rng.uniform(-0.3, 0.3) * y - rng.uniform(0, 0.4) * (x * x + y * y)
    grain = 0.0
    strength = 10 ** rng.uniform(-3, -1.7)  # from paper as smooth as a screen to rough kraft
    for scale in (1.5, 3, 7, 40):
        grain = grain + strength * smooth_noise(rng, height, width, scale) / 2
    return encode(decode(np.clip(base, 0.03, 0.97)) * (light * (1 + 2.2 * grain))[..., None])


def paper_names(rng: np.random.Generator) -> tuple[str, str]:
    """Two papers of different colour."""
    first, second = rng.choice(_PAPERS, 2, replace=False)
    return str(first), str(second)


def clutter(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """A photograph-like ground: dead leaves (Lee, Mumford & Huang 2001) with 1/f shading, partly out of focus."""
    picture = np.ones((height, width, 3), np.float32) * rng.uniform(0.2, 0.7, 3)
    palette = rng.uniform(0.05, 0.95, (6, 3))
    smallest, largest = 6.0, min(height, width) / 2.5
    for _ in range(700):
        # radius with density r^-3, which makes the picture's statistics scale-free
        radius = smallest / np.sqrt(1 - rng.random() * (1 - (smallest / largest) ** 2))
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        colour = np.clip(palette[rng.integers(6)] + rng.normal(0, 0.08, 3), 0, 1)
        axes = (int(radius), max(1, int(radius * rng.uniform(0.4, 1))))
        cv2.ellipse(
            picture, centre, axes, float(rng.uniform(0, 180)), 0, 360, tuple(map(float, colour)), -1, cv2.LINE_AA
        )
    shade = sum(smooth_noise(rng, height, width, scale) * np.sqrt(scale) for scale in (2, 5, 12, 30, 90))
    picture = np.clip(picture * (1 + 0.012 * shade[..., None]), 0, 1)
    return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.6, 2.2))


def paint(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """An object's surface: flat areas as in artwork, or shaded material with stripes and a highlight."""
    colours = rng.uniform(0.03, 0.97, (5, 3)).astype(np.float32)
    field = smooth_noise(rng, height, width, min(height, width) / rng.uniform(3, 9))
    if rng.random() < 0.5:
        index = np.digitize(field, [-1.0, -0.2, 0.5, 1.2])
        picture = colours[index]
        edge = cv2.Laplacian(index.astype(np.float32), cv2.CV_32F) != 0
        return np.where(edge[..., None], colours[0] * 0.3, picture).astype(np.float32)
    picture = colours[0] + (colours[1] - colours[0]) * (0.5 + 0.2 * field[..., None])
    if rng.random() < 0.5:
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        angle, wave = rng.uniform(0, np.pi), rng.uniform(8, 60)
        stripes = 0.5 + 0.5 * np.tanh(4 * np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / wave))
        picture = picture * (1 - stripes[..., None]) + colours[2] * stripes[..., None]
    picture = picture * (1 + 0.02 * smooth_noise(rng, height, width, 2)[..., None])
    glow = np.maximum(0, smooth_noise(rng, height, width, min(height, width) / 4) - 1.6)[..., None]
    return np.clip(picture + 0.3 * glow, 0.01, 0.99).astype(np.float32)


def camouflage(
    rng: np.random.Generator, ground: NDArray[np.float32], fresh: NDArray[np.float32]
) -> NDArray[np.float32]:
    """An object's surface near the ground's colours: some levels away, with a little of its own pattern."""
    mean = ground.reshape(-1, 3).mean(0)
    direction = rng.normal(size=3)
    direction *= rng.uniform(0.05, 0.14) / np.linalg.norm(direction)
    own = (fresh - fresh.reshape(-1, 3).mean(0)) * rng.uniform(0.05, 0.25)
    return np.clip(mean + direction + own, 0.02, 0.98).astype(np.float32)
