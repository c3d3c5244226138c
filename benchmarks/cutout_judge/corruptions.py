"""Alphas made worse on purpose, by a drawn amount."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Alpha = NDArray[np.float32]
Corruption = Callable[[np.random.Generator, Alpha], Alpha]


def _disc(radius: float) -> NDArray[np.uint8]:
    size = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))


def _side(alpha: Alpha) -> float:
    return float(np.sqrt(alpha.size))


def _eroded(rng: np.random.Generator, alpha: Alpha) -> Alpha:
    return np.asarray(cv2.erode(alpha, _disc(_side(alpha) * rng.uniform(0.002, 0.015))))


def _dilated(rng: np.random.Generator, alpha: Alpha) -> Alpha:
    return np.asarray(cv2.dilate(alpha, _disc(_side(alpha) * rng.uniform(0.002, 0.015))))


def _shifted(rng: np.random.Generator, alpha: Alpha) -> Alpha:
    angle, length = rng.uniform(0, 2 * np.pi), _side(alpha) * 10 ** rng.uniform(-3.3, -1.8)
    move = np.array([[1, 0, length * np.cos(angle)], [0, 1, length * np.sin(angle)]])
    return np.asarray(cv2.warpAffine(alpha, move, alpha.shape[::-1]))


def _blurred(rng: np.random.Generator, alpha: Alpha) -> Alpha:
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), _side(alpha) * 10 ** rng.uniform(-2.8, -1.7)))


def _binary(rng: np.random.Generator, alpha: Alpha) -> Alpha:
    return (alpha > rng.uniform(0.2, 0.8)).astype(np.float32)


def _curved(rng: np.random.Generator, alpha: Alpha) -> Alpha:
    return np.asarray(alpha ** np.float32(2 ** rng.uniform(-1.5, 1.5)), np.float32)


def _filled(rng: np.random.Generator, alpha: Alpha) -> Alpha:
    mask = (alpha > 0.5).astype(np.uint8)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(mask, outlines, -1, 1, -1)
    return np.maximum(alpha, mask.astype(np.float32))


def _patch(rng: np.random.Generator, alpha: Alpha, near: float) -> Alpha:
    """A soft-edged blob about a pixel whose alpha is nearest to ``near``, in [0, 1]."""
    rows, columns = np.nonzero(np.abs(alpha - near) < 0.5)
    if not len(rows):
        return np.zeros_like(alpha)
    at = int(rng.integers(len(rows)))
    blob = np.zeros_like(alpha)
    axes = np.maximum(1, _side(alpha) * 10 ** rng.uniform(-2.0, -0.8) * rng.uniform(0.5, 1.5, 2)).astype(int)
    cv2.ellipse(
        blob, (int(columns[at]), int(rows[at])), (int(axes[0]), int(axes[1])), rng.uniform(0, 180), 0, 360, 1.0, -1
    )
    return np.asarray(cv2.GaussianBlur(blob, (0, 0), 1.0))


def _missing(rng: np.random.Generator, alpha: Alpha) -> Alpha:
    return alpha * (1 - _patch(rng, alpha, 1.0))


def _island(rng: np.random.Generator, alpha: Alpha) -> Alpha:
    return np.maximum(alpha, _patch(rng, alpha, 0.0))


def _bulged(rng: np.random.Generator, alpha: Alpha) -> Alpha:
    return np.maximum(alpha, _patch(rng, alpha, 0.5))


def _shadowed(rng: np.random.Generator, alpha: Alpha) -> Alpha:
    reach = _side(alpha) * rng.uniform(0.01, 0.05)
    move = np.array([[1, 0, rng.normal() * reach], [0, 1, abs(rng.normal()) * reach]])
    cast = cv2.GaussianBlur(cv2.warpAffine(alpha, move, alpha.shape[::-1]), (0, 0), reach)
    return np.maximum(alpha, np.clip(cast * rng.uniform(0.3, 1.5), 0, 1) * (cast > 0.2)).astype(np.float32)


def _noisy(rng: np.random.Generator, alpha: Alpha) -> Alpha:
    level = rng.uniform(0.02, 0.2)
    field = cv2.GaussianBlur(rng.normal(size=alpha.shape).astype(np.float32), (0, 0), rng.uniform(0.5, 4))
    return np.clip(alpha + field / (field.std() + 1e-6) * level, 0, 1).astype(np.float32)


def _empty(rng: np.random.Generator, alpha: Alpha) -> Alpha:
    return np.zeros_like(alpha)


def _full(rng: np.random.Generator, alpha: Alpha) -> Alpha:
    return np.ones_like(alpha)


CORRUPTIONS: dict[str, Corruption] = {
    "eroded": _eroded,
    "dilated": _dilated,
    "shifted": _shifted,
    "blurred": _blurred,
    "binary": _binary,
    "curved": _curved,
    "filled": _filled,
    "missing": _missing,
    "island": _island,
    "bulged": _bulged,
    "shadowed": _shadowed,
    "noisy": _noisy,
    "empty": _empty,
    "full": _full,
}
_RARE = ("empty", "full")


def draw(rng: np.random.Generator, alphas: dict[str, Alpha], count: int) -> dict[str, Alpha]:
    """Return ``count`` worse alphas made of the given ones, one or two corruptions each; empty and full are rare."""
    names = list(CORRUPTIONS)
    weights = np.array([0.15 if name in _RARE else 1.0 for name in names])
    weights /= weights.sum()
    made: dict[str, Alpha] = {}
    sources = list(alphas)
    while len(made) < count:
        source = sources[int(rng.integers(len(sources)))]
        kinds = rng.choice(names, size=int(rng.integers(1, 3)), p=weights, replace=False)
        alpha = alphas[source]
        for kind in kinds:
            alpha = CORRUPTIONS[str(kind)](rng, alpha)
        made[f"{source}+{'+'.join(map(str, kinds))}"] = np.clip(alpha, 0, 1).astype(np.float32)
    return made
