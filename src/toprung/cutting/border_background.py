"""A background without a plate: what plain paper would show under the object, from the paper around it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.border_mixture import Blocks, Plain, find_plain, into_blocks
from toprung.cutting.paper_edge import Parting, part_the_picture
from toprung.cutting.scene import RGB, Background
from toprung.cutting.surfaces import Floats, Surface, fit_surface

_LEAST_SHARE = 0.22  # of the border that one plain surface must hold
_LEAST_TOGETHER = 0.3  # of the border, all surfaces, when they are as rough as `_ROUGH`
_ROUGHEST = 0.055  # standard deviation per pixel, sRGB: beyond it nothing plain is left to differ from
_FARTHEST = 0.04  # standard deviation of the prediction beyond which the background is not known
_SHADOW = 0.15  # reach of the shadow about the object, share of the longer side
_NODES = 64  # along the longer side, where the surface is evaluated; cubic between them
_PAD = 2


def border_background(rgb: RGB) -> Background:
    """Predict the plain background of a photo everywhere, also under the object.

    Robust smooth surfaces (see `surfaces`) are found from the border inwards (see `border_mixture`), so an object may
    touch the border and paper may be seen on one side only. When two plain surfaces meet, such as a sheet and a
    table, each pixel takes the colour of its own side, and a band along the edge is not valid.

    Args:
        rgb: ``(H, W, 3)`` float32 sRGB in [0, 1].

    Returns:
        A `Background` with ``source`` "border". ``sigma`` holds noise, texture and what extrapolation adds. ``valid``
        is False everywhere when the picture has no plain background.
    """
    blocks = into_blocks(rgb)
    plains = _plain_parts(blocks)
    if not plains:
        return _unknown(rgb)
    surfaces = [_fit(blocks, plain) for plain in plains]
    layers = [_evaluate(surface, blocks.size) for surface in surfaces]
    if len(plains) == 1:
        (expected, doubt), parting = layers[0], None
        held = plains[0].weights > 0
    else:
        parting = part_the_picture(blocks, plains[0].weights > 0, plains[1].weights > 0)
        side = parting.second[..., None]
        expected = np.where(side, layers[1][0], layers[0][0])
        doubt = np.where(parting.second, layers[1][1], layers[0][1])
        held = (plains[0].weights > 0) | (plains[1].weights > 0)
    spread = _spread(rgb, expected, held)
    if _too_rough(spread, held, plains):
        return _unknown(rgb)
    sigma = np.sqrt(_enlarge(spread, blocks.size) ** 2 + doubt**2).astype(np.float32)
    valid = doubt < _FARTHEST
    if isinstance(parting, Parting):
        valid &= parting.certain
    return Background(np.clip(expected, 0, 1).astype(np.float32), sigma, valid, "border")


def _plain_parts(blocks: Blocks) -> list[Plain]:
    """Return one or two plain surfaces, or none when the border holds no plain background."""
    first = find_plain(blocks, np.zeros(blocks.border.shape, bool))
    if first is None or first.share < _LEAST_SHARE:
        return []
    second = find_plain(blocks, _grown(first.weights > 0))
    if second is not None and _is_another_ground(blocks, second):
        return [first, second]
    return [first]


def _is_another_ground(blocks: Blocks, part: Plain) -> bool:
    """Tell a second ground from an object that touches the border: it holds corners and as much border as a side."""
    held = part.weights > 0
    rows, columns = held.shape
    tall, wide = max(1, rows // 12), max(1, columns // 12)
    corners = [held[:tall, :wide], held[:tall, -wide:], held[-tall:, :wide], held[-tall:, -wide:]]
    return part.share > 0.12 and sum(bool(corner.mean() > 0.5) for corner in corners) >= 2


def _too_rough(spread: NDArray[np.float32], held: NDArray[np.bool_], plains: list[Plain]) -> bool:
    """Say whether what was found is too rough, or too small for how rough it is, to be called plain."""
    roughness = float(np.median(spread[held]))
    together = sum(plain.share for plain in plains)
    smallest = _LEAST_SHARE + (_LEAST_TOGETHER - _LEAST_SHARE) * 10 * roughness / _ROUGHEST
    return roughness > _ROUGHEST or together < min(smallest, 0.7)


def _fit(blocks: Blocks, plain: Plain) -> Surface:
    weights = (plain.weights * _clear_of_shadow(plain.weights > 0)).ravel()
    kept = weights > 0
    return fit_surface(blocks.places.reshape(-1, 2)[kept], blocks.colours.reshape(-1, 3)[kept], weights[kept])


def _clear_of_shadow(held: NDArray[np.bool_]) -> Floats:
    """Trust blocks less the nearer they are to what is not paper: its shadow fades out there."""
    away = cv2.distanceTransform(np.pad(held, 1, constant_values=True).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    share = np.clip(np.minimum(away, 1e6) / (_SHADOW * max(held.shape)), 0, 1).astype(np.float64)
    return np.maximum(share**2, 0.01)


def _evaluate(surface: Surface, size: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Evaluate a surface for every pixel: colours ``(H, W, 3)`` and standard deviation ``(H, W)``."""
    height, width = size
    step = max(1, int(np.ceil(max(size) / _NODES)))
    rows, columns = -(-height // step) + 2 * _PAD, -(-width // step) + 2 * _PAD
    half = max(size) / 2
    # node k stands at the centre of pixels [(k - pad) step, (k - pad + 1) step), so a plain resize interpolates it
    x = ((np.arange(columns) - _PAD + 0.5) * step - width / 2) / half
    y = ((np.arange(rows) - _PAD + 0.5) * step - height / 2) / half
    colours, doubt = surface.predict(np.stack(np.meshgrid(x, y), -1).reshape(-1, 2))
    return (
        _between(colours.reshape(rows, columns, 3), step, size),
        np.clip(_between(np.minimum(doubt, 1).reshape(rows, columns), step, size), 0, 1),
    )


def _between(nodes: Floats, step: int, size: tuple[int, int]) -> NDArray[np.float32]:
    large = cv2.resize(nodes.astype(np.float32), None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
    margin = _PAD * step
    return np.ascontiguousarray(large[margin : margin + size[0], margin : margin + size[1]], np.float32)


def _spread(rgb: RGB, expected: NDArray[np.float32], held: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Measure the standard deviation per channel about the surface, per block, and carry it over the object."""
    rows, columns = held.shape
    squares = np.asarray(
        cv2.resize(((rgb - expected) ** 2).mean(-1), (columns, rows), interpolation=cv2.INTER_AREA), np.float32
    )
    inner = cv2.erode(held.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
    inner = inner if inner.any() else held
    typical = float(np.median(squares[inner]))
    # a block that holds an edge of the object by accident must not raise its neighbours
    clipped = np.where(inner, np.minimum(squares, 6 * typical + 1e-12), 0).astype(np.float32)
    mass = inner.astype(np.float32)
    reach = max(rows, columns) / 16
    total = cv2.GaussianBlur(clipped, (0, 0), reach, borderType=cv2.BORDER_REFLECT)
    share = cv2.GaussianBlur(mass, (0, 0), reach, borderType=cv2.BORDER_REFLECT)
    prior = 1e-3
    local = (total + prior * typical) / (share + prior)
    return np.sqrt(np.maximum(local, (0.3 / 255) ** 2)).astype(np.float32)


def _enlarge(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(values, size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _grown(held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    grown: NDArray[np.bool_] = cv2.dilate(held.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return grown


def _unknown(rgb: RGB) -> Background:
    """No plain background: the picture's own mean, a sigma as wide as its colours, valid nowhere."""
    mean = rgb.reshape(-1, 3).mean(0)
    sigma = np.full(rgb.shape[:2], max(float(rgb.reshape(-1, 3).std(0).mean()), 1 / 255), np.float32)
    expected = np.broadcast_to(mean, rgb.shape).astype(np.float32)
    return Background(expected, sigma, np.zeros(rgb.shape[:2], bool), "border")
