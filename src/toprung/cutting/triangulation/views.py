"""One photo with its ground: lit, exposed, moved and cut alike."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.foreground.chroma import opponent
from toprung.cutting.foreground.encodings import Encoding
from toprung.cutting.foreground.light import ground_light
from toprung.cutting.scene import RGB, Background
from toprung.cutting.triangulation.equations import Solved, solve
from toprung.cutting.triangulation.exposure import with_gain

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class View:
    """One photo, its ground, and the standard deviation of its noise."""

    rgb: RGB
    ground: Background
    noise: float


def lit(view: View, ground: NDArray[np.bool_]) -> View:
    """Give the ground the photo's shadows."""
    light = ground_light(view.rgb, view.ground.rgb, ground & view.ground.valid)
    return replace(view, ground=replace(view.ground, rgb=view.ground.rgb * light[..., None]))


def opaque(one: View, two: View, ground: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where at least one photo is far from its ground, some pixels from the rim."""
    import cv2

    far = np.zeros(ground.shape, bool)
    for view in (one, two):
        difference = np.abs(view.rgb - view.ground.rgb).max(axis=2)
        far |= difference > 0.05 + 4 * view.ground.sigma
    return cv2.erode((far & ~ground).astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)


def exposed(view: View, gain: tuple[float, float, float]) -> View:
    """Multiply the linear light of a photo and its ground."""
    return replace(
        view, rgb=with_gain(view.rgb, gain), ground=replace(view.ground, rgb=with_gain(view.ground.rgb, gain))
    )


def moved(view: View, matrix: NDArray[np.float64]) -> View:
    """Bring a photo and its ground into the first photo's frame."""
    import cv2

    if np.array_equal(matrix, np.eye(3)):
        return view
    height, width = view.ground.sigma.shape

    def warped(field: NDArray, how: int = cv2.INTER_CUBIC) -> NDArray:
        return cv2.warpPerspective(field, matrix, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE)

    ground = view.ground
    valid = warped(ground.valid.astype(np.uint8), cv2.INTER_NEAREST).astype(bool)
    sigma = warped(ground.sigma, cv2.INTER_LINEAR)
    return replace(view, rgb=warped(view.rgb), ground=Background(warped(ground.rgb), sigma, valid, ground.source))


def cut(view: View, part: tuple[slice, slice], size: tuple[int, int]) -> View:
    """Return a part of a view, at another size."""
    import cv2

    def cut(field: NDArray) -> NDArray:
        return cv2.resize(np.ascontiguousarray(field[part]), size, interpolation=cv2.INTER_AREA)

    ground = view.ground
    valid = cut(ground.valid.astype(np.float32)) > 0.99
    return replace(view, rgb=cut(view.rgb), ground=Background(cut(ground.rgb), cut(ground.sigma), valid, ground.source))


def solved(one: View, two: View, way: Encoding) -> Solved:
    """Solve twice: how much the grounds' errors count depends on alpha."""
    first, second = opponent(way.mixed(one.rgb)), opponent(way.mixed(two.rgb))
    ground1, ground2 = opponent(way.mixed(one.ground.rgb)), opponent(way.mixed(two.ground.rgb))
    tilt1 = way.slope(one.rgb).mean(axis=2, keepdims=True) ** 2
    tilt2 = way.slope(two.rgb).mean(axis=2, keepdims=True) ** 2
    still = tilt1 * (one.noise**2 + _fine(one.rgb)) + tilt2 * (two.noise**2 + _fine(two.rgb))
    grounds = (tilt1[..., 0] * one.ground.sigma**2 + tilt2[..., 0] * two.ground.sigma**2)[..., None]
    through = np.full((*one.ground.sigma.shape, 1), 0.5, np.float32)
    for _ in range(2):
        solved = solve(first, ground1, second, ground2, still + through**2 * grounds + np.float32(1e-7))
        through = np.clip(1 - solved.alpha, 0.05, 1)[..., None]
    return solved


def _fine(rgb: RGB) -> Floats:
    """Return ``(H, W, 3)`` variance that a small error of place or a coarser grid of colours leaves, luma first."""
    import cv2

    detail = opponent(rgb - cv2.blur(rgb, (3, 3))) ** 2
    return np.asarray(cv2.blur(detail, (3, 3)), np.float32) * np.array([0.02, 0.3, 0.3], np.float32)
