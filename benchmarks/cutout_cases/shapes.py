"""Objects' outlines with known alpha. The families of `train` and `test` are different, so that nothing fitted on one
is judged on its own shapes."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

_SUPER = 4  # sub-pixels per pixel and axis: alpha in steps of 1/16, as fine as a camera's noise


def outline_alpha(rng: np.random.Generator, group: str, objects: str, height: int, width: int) -> NDArray[np.float32]:
    """Return ``(height, width)`` float32 alpha of one object, in the middle of the picture or near its edge."""
    canvas = np.zeros((height * _SUPER, width * _SUPER), np.uint8)
    size = min(height, width) * _SUPER * rng.uniform(0.22, 0.36)
    centre = np.array([width, height]) * _SUPER * (0.5 + rng.uniform(-0.12, 0.12, 2))
    family = _FAMILIES[objects][int(rng.integers(len(_FAMILIES[objects])))]
    for polygon in family(rng, size):
        _fill(canvas, polygon + centre, 255)
    if group == "holes":
        _cut_holes(rng, canvas, centre, size)
    if group == "thin":
        _add_hairs(rng, canvas, centre, size)
    alpha = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    blur = rng.uniform(3, 10) * min(height, width) / 600 if group == "soft" else rng.uniform(0.4, 1.1)
    alpha = cv2.GaussianBlur(alpha, (0, 0), blur)
    if group == "soft" and rng.random() < 0.4:  # a veil: part of the object lets light through
        veil = cv2.GaussianBlur(rng.random((height, width), dtype=np.float32), (0, 0), min(height, width) / 12)
        veil = np.clip((veil - veil.mean()) / (veil.std() + 1e-6) * 0.25 + 0.85, 0.35, 1)
        alpha = alpha * veil
    return np.clip(alpha, 0, 1)


def _fill(canvas: NDArray[np.uint8], polygon: NDArray, value: int) -> None:
    cv2.fillPoly(canvas, [np.round(polygon).astype(np.int32)], value)


def _blob(rng: np.random.Generator, size: float) -> list[NDArray]:
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    radius = np.ones_like(angle)
    for order in range(2, 9):
        radius += rng.normal(0, 0.25 / order) * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    radius = np.clip(radius, 0.3, 1.6) * size
    return [np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)]


def _star(rng: np.random.Generator, size: float) -> list[NDArray]:
    points = int(rng.integers(5, 11))
    angle = np.linspace(0, 2 * np.pi, 2 * points, endpoint=False) + rng.uniform(0, 1)
    radius = np.where(np.arange(2 * points) % 2 == 0, 1.2, rng.uniform(0.45, 0.8)) * size
    return [np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)]


def _ellipses(rng: np.random.Generator, size: float) -> list[NDArray]:
    polygons = []
    angle = np.linspace(0, 2 * np.pi, 300, endpoint=False)
    for _ in range(int(rng.integers(2, 5))):
        axes = size * rng.uniform(0.35, 0.9, 2)
        turn = rng.uniform(0, np.pi)
        points = np.stack([axes[0] * np.cos(angle), axes[1] * np.sin(angle)], 1)
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        polygons.append(points @ rotation.T + rng.uniform(-0.4, 0.4, 2) * size)
    return polygons


def _bottle(rng: np.random.Generator, size: float) -> list[NDArray]:
    along = np.linspace(-1.4, 1.4, 200)
    knots = np.linspace(-1.4, 1.4, 7)
    half = np.interp(along, knots, rng.uniform(0.25, 0.8, 7)) * size
    half = np.convolve(np.pad(half, 10, mode="edge"), np.ones(21) / 21, "valid")
    right = np.stack([half, along * size], 1)
    return [np.concatenate([right, (right * [-1, 1])[::-1]])]


def _gear(rng: np.random.Generator, size: float) -> list[NDArray]:
    teeth = int(rng.integers(8, 18))
    angle = np.linspace(0, 2 * np.pi, 800, endpoint=False)
    radius = size * (1 + 0.13 * np.tanh(6 * np.sin(teeth * angle)))
    return [np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)]


def _boxes(rng: np.random.Generator, size: float) -> list[NDArray]:
    polygons = []
    for _ in range(int(rng.integers(1, 4))):
        half = size * rng.uniform(0.4, 1.0, 2)
        turn = rng.uniform(-0.6, 0.6)
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        polygons.append(corners @ rotation.T + rng.uniform(-0.3, 0.3, 2) * size)
    return polygons


_Family = Callable[[np.random.Generator, float], list[NDArray]]
_FAMILIES: dict[str, tuple[_Family, ...]] = {"train": (_blob, _star, _ellipses), "test": (_bottle, _gear, _boxes)}


def _cut_holes(rng: np.random.Generator, canvas: NDArray[np.uint8], centre: NDArray, size: float) -> None:
    """Cut one to three holes, and hang a handle on one side."""
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], 1)
    at = centre + np.array([rng.choice([-1, 1]) * size * 0.95, rng.uniform(-0.2, 0.2) * size])
    _fill(canvas, ring * size * 0.45 * [0.9, 1.1] + at, 255)
    _fill(canvas, ring * size * rng.uniform(0.2, 0.32) * [0.9, 1.1] + at, 0)
    for _ in range(int(rng.integers(1, 3))):
        at = centre + rng.uniform(-0.25, 0.25, 2) * size
        _fill(canvas, ring * size * rng.uniform(0.08, 0.3) * rng.uniform(0.7, 1.3, 2) + at, 0)


def _add_hairs(rng: np.random.Generator, canvas: NDArray[np.uint8], centre: NDArray, size: float) -> None:
    """Draw curved strokes of one to three pixels that stand out of the body."""
    along = np.linspace(0, 1, 60)[:, None]
    for _ in range(int(rng.integers(15, 60))):
        angle = rng.uniform(0, 2 * np.pi)
        out = np.array([np.cos(angle), np.sin(angle)])
        start = centre + out * size * rng.uniform(0.2, 0.8)
        end = centre + out * size * rng.uniform(1.2, 1.75) + rng.normal(0, 0.15, 2) * size
        middle = (start + end) / 2 + rng.normal(0, 0.2, 2) * size
        curve = (1 - along) ** 2 * start + 2 * along * (1 - along) * middle + along**2 * end
        thickness = int(rng.integers(_SUPER * 3 // 4, _SUPER * 3))
        cv2.polylines(canvas, [np.round(curve).astype(np.int32)], False, 255, thickness, cv2.LINE_8)
