"""Alpha and colours from two photos of one object on two papers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.foreground.chroma import has_half_colour, opponent
from toprung.cutting.foreground.encodings import ENCODINGS, Encoding
from toprung.cutting.foreground.estimate import estimate_foreground
from toprung.cutting.foreground.light import ground_light
from toprung.cutting.foreground.spread import noise_level
from toprung.cutting.scene import RGB, Alpha, Background
from toprung.cutting.triangulation.equations import Solved, outside, solve
from toprung.cutting.triangulation.exposure import exposed, object_gain
from toprung.cutting.triangulation.grounds import likely_ground
from toprung.cutting.triangulation.registration import moving, register
from toprung.cutting.triangulation.object_colour import from_colour, together
from toprung.cutting.triangulation.refine import refine
from toprung.cutting.triangulation.settle import settle
from toprung.errors import CutoutError

Floats = NDArray[np.float32]


_PASSES = 2  # of refining by the object's colour
_CALMED = 0.1  # share of the variance that refining leaves


@dataclass(frozen=True)
class Triangulated:
    """The object as two photos show it together, in the first photo's frame.

    Attributes:
        alpha: ``(H, W)`` float32 in [0, 1].
        foreground: ``(H, W, 3)`` float32 sRGB in [0, 1].
        confidence: ``(H, W)`` float32 in [0, 1]: 1 where noise moves alpha by nothing, 1/2 where by 0.1, 0 where the
            grounds look alike or are not known.
        gain: of red, green and blue, by which the second photo's linear light was multiplied.
        shift_matrix: ``(3, 3)`` float64, second photo's pixel → first photo's pixel, for the object.
        encoding: "linear" or "gamma": in which values the pixels are mixed.
    """

    alpha: Alpha
    foreground: RGB
    confidence: NDArray[np.float32]
    gain: tuple[float, float, float]
    shift_matrix: NDArray[np.float64]
    encoding: str


@dataclass(frozen=True)
class _View:
    """One photo, its ground, and their noise."""

    rgb: RGB
    ground: Background
    noise: float


def triangulate(
    rgb1: RGB, background1: Background, rgb2: RGB, background2: Background, *, encoding: str | None = None
) -> Triangulated:
    """Solve alpha and colours of an object that was photographed on two papers.

    I1 = alpha F + (1 − alpha) B1 and I2 = alpha F + (1 − alpha) B2 are six equations for four unknowns. Before they are
    solved, the grounds take on the photos' shadows, and the second photo takes on the first one's exposure and place.

    Args:
        rgb1, rgb2: ``(H, W, 3)`` float32 sRGB, the photos.
        background1, background2: what each would show without the object.
        encoding: "linear" or "gamma"; None takes the one that leaves the least unexplained.

    Raises:
        CutoutError: the sizes disagree, or the encoding is unknown.

    Source:
        Smith & Blinn 1996, "Blue screen matting", theorem 4.
    """
    shapes = {rgb1.shape, rgb2.shape, background1.rgb.shape, background2.rgb.shape}
    if len(shapes) > 1:
        sizes = ", ".join(sorted(f"{shape[1]} × {shape[0]}" for shape in shapes))
        raise CutoutError(f"Two photos and their backgrounds must have one size, and have {sizes}.")
    one = _View(rgb1, background1, noise_level(rgb1, 0.002))
    two = _View(rgb2, background2, noise_level(rgb2, 0.002))
    ground = likely_ground(
        rgb1, background1, rgb2, background2, _with_least(background1.sigma), _with_least(background2.sigma)
    )
    one, two = _lit(one, ground), _lit(two, ground)
    gain = object_gain(one.rgb, two.rgb, _opaque(one, two, ground))
    two = _exposed(two, gain)
    names = tuple(ENCODINGS) if encoding is None else (encoding,)
    for name in names:
        if name not in ENCODINGS:
            raise CutoutError(f"There is no encoding {name!r}: take one of {', '.join(ENCODINGS)}.")
    matrix = _registered(one, two, ground, ENCODINGS[names[-1]])
    two = _moved(two, matrix)
    tries = {name: _solved(one, two, ENCODINGS[name]) for name in names}
    name = min(tries, key=lambda name: _unexplained(tries[name], ground))
    solved = tries[name]
    valid = one.ground.valid & two.ground.valid
    variance = np.where(valid, solved.variance, np.float32(25.0))
    half_colour = has_half_colour(rgb1) and has_half_colour(rgb2)
    fine = refine(solved, valid, half_colour)
    for _ in range(_PASSES):
        fine = refine(_with_colour(solved, np.clip(fine, 0, 1), one, two, ENCODINGS[name]), valid, half_colour)
    alpha, settled = settle(fine, variance * np.float32(_CALMED))
    alpha[ground] = 0
    foreground = estimate_foreground(rgb1, alpha, one.ground, encoding=name)
    confidence = np.where(valid, 1 / (1 + 10 * np.sqrt(settled)), 0).astype(np.float32)
    return Triangulated(alpha, foreground, confidence, gain, matrix, name)


def _with_least(sigma: Floats) -> Floats:
    return np.maximum(sigma, np.float32(0.003))


def _lit(view: _View, ground: NDArray[np.bool_]) -> _View:
    """Give the ground the photo's shadows."""
    light = ground_light(view.rgb, view.ground.rgb, ground & view.ground.valid)
    return replace(view, ground=replace(view.ground, rgb=view.ground.rgb * light[..., None]))


def _opaque(one: _View, two: _View, ground: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where at least one photo is far from its ground, some pixels from the rim."""
    import cv2

    far = np.zeros(ground.shape, bool)
    for view in (one, two):
        difference = np.abs(view.rgb - view.ground.rgb).max(axis=2)
        far |= difference > 0.05 + 4 * view.ground.sigma
    return cv2.erode((far & ~ground).astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)


def _exposed(view: _View, gain: tuple[float, float, float]) -> _View:
    return replace(
        view, rgb=exposed(view.rgb, gain), ground=replace(view.ground, rgb=exposed(view.ground.rgb, gain))
    )


def _moved(view: _View, matrix: NDArray[np.float64]) -> _View:
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


def _solved(one: _View, two: _View, way: Encoding) -> Solved:
    """Solve twice: how much the grounds' errors count depends on alpha."""
    first, second = opponent(way.mixed(one.rgb)), opponent(way.mixed(two.rgb))
    ground1, ground2 = opponent(way.mixed(one.ground.rgb)), opponent(way.mixed(two.ground.rgb))
    tilt1 = way.slope(one.rgb).mean(axis=2, keepdims=True) ** 2
    tilt2 = way.slope(two.rgb).mean(axis=2, keepdims=True) ** 2
    still = tilt1 * (one.noise**2 + _fine(one.rgb)) + tilt2 * (two.noise**2 + _fine(two.rgb))
    grounds = (tilt1[..., 0] * one.ground.sigma**2 + tilt2[..., 0] * two.ground.sigma**2)[..., None]
    through = np.float32(0.5)
    for _ in range(2):
        solved = solve(first, ground1, second, ground2, still + through**2 * grounds + np.float32(1e-7))
        through = np.clip(1 - solved.alpha, 0.05, 1)[..., None]
    return solved


def _with_colour(solved: Solved, alpha: Floats, one: _View, two: _View, way: Encoding) -> Solved:
    """Add what the object's colour nearby says to what the two photos' difference says."""
    pairs, noises = [], []
    for view in (one, two):
        photo, ground = (opponent(way.mixed(field))[..., 0] for field in (view.rgb, view.ground.rgb))
        tilt = way.slope(view.rgb).mean(axis=2) ** 2
        pairs.append((photo, ground))
        noises.append(tilt * (view.noise**2 + ((1 - alpha) * view.ground.sigma) ** 2) + np.float32(1e-7))
    evidence = from_colour(alpha, (pairs[0], pairs[1]), (noises[0], noises[1]), tilt)
    return replace(solved, luma=together(solved.luma, evidence))


def _fine(rgb: RGB) -> Floats:
    """Return ``(H, W, 3)`` variance that a small error of place or a coarser grid of colours leaves, luma first."""
    import cv2

    detail = opponent(rgb - cv2.blur(rgb, (3, 3))) ** 2
    return cv2.blur(detail, (3, 3)) * np.array([0.02, 0.3, 0.3], np.float32)


def _unexplained(solved: Solved, ground: NDArray[np.bool_]) -> float:
    """Return the mean of what no alpha in [0, 1] explains, off the ground and off the opaque parts."""
    mixed = ~ground & (solved.alpha > 0.05) & (solved.alpha < 0.95)
    if not mixed.any():
        return 0.0
    return float(np.minimum(solved.misfit[mixed], 25).mean())


def _registered(one: _View, two: _View, ground: NDArray[np.bool_], way: Encoding) -> NDArray[np.float64]:
    """Return the second photo's movement, by the object and its surroundings alone."""
    import cv2

    near = cv2.dilate((_opaque(one, two, ground)).astype(np.uint8), np.ones((15, 15), np.uint8))
    rows, columns = np.nonzero(near)
    if rows.size < 200:
        return np.eye(3)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    centre = ((columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2)
    reach = float(max(bottom - top, right - left)) / 2
    part = (slice(max(0, top - 8), bottom + 8), slice(max(0, left - 8), right + 8))
    offset = np.array([[1, 0, -part[1].start], [0, 1, -part[0].start], [0, 0, 1.0]])
    inside = near[part] > 0
    still, back = _cut(one, part), _cut(two, part)

    def residuals(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        matrix = offset @ moving(parameters, centre, reach) @ np.linalg.inv(offset)
        solved = _solved(still, _moved(back, matrix), way)
        return np.sqrt(2 * solved.misfit[inside] + outside(solved)[inside] ** 2).astype(np.float64)

    found = register(residuals)
    return moving(found, centre, reach) if found.any() else np.eye(3)


def _cut(view: _View, part: tuple[slice, slice]) -> _View:
    ground = view.ground
    small = Background(ground.rgb[part], ground.sigma[part], ground.valid[part], ground.source)
    return replace(view, rgb=view.rgb[part], ground=small)
