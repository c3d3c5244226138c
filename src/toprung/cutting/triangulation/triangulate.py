"""Alpha and colours from two photos of one object on two papers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.foreground.chroma import has_half_colour, opponent
from toprung.cutting.foreground.encodings import ENCODINGS, Encoding, encoding_of, mixing_misfit
from toprung.cutting.foreground.estimate import estimate_foreground
from toprung.cutting.foreground.spread import noise_level
from toprung.cutting.scene import RGB, Alpha, Background
from toprung.cutting.triangulation.equations import Solved
from toprung.cutting.triangulation.exact import solve_exactly
from toprung.cutting.triangulation.exposure import object_gain
from toprung.cutting.triangulation.grounds import likely_ground
from toprung.cutting.triangulation.object_colour import from_colour, together
from toprung.cutting.triangulation.placing import registered
from toprung.cutting.triangulation.refine import refine
from toprung.cutting.triangulation.settle import settle, surely_opaque
from toprung.cutting.triangulation.views import View, exposed, lit, moved, opaque, solved
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


def triangulate(
    rgb1: RGB, background1: Background, rgb2: RGB, background2: Background, *, encoding: str | None = None
) -> Triangulated:
    """Solve alpha and colours of an object that was photographed on two papers.

    I1 = alpha F + (1 − alpha) B1 and I2 = alpha F + (1 − alpha) B2 are six equations for four unknowns. Before they are
    solved, the grounds take on the photos' shadows, and the second photo takes on the first one's exposure and place.
    Pictures that fit the equations without any noise are solved as they are.

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
    ways = ENCODINGS if encoding is None else {encoding: encoding_of(encoding)}
    one = View(rgb1, background1, noise_level(rgb1, 0.002))
    two = View(rgb2, background2, noise_level(rgb2, 0.002))
    exact = solve_exactly(one, two, ways)
    if exact is not None:
        alpha, foreground, variance, name = exact
        return Triangulated(alpha, foreground, _confidence(variance, one, two), (1.0, 1.0, 1.0), np.eye(3), name)
    ground = likely_ground(
        rgb1, background1, rgb2, background2, _with_least(background1.sigma), _with_least(background2.sigma)
    )
    one, two = lit(one, ground), lit(two, ground)
    gain = object_gain(one.rgb, two.rgb, opaque(one, two, ground))
    two = exposed(two, gain)
    matrix = registered(one, two, ground, next(iter(ways.values())))
    two = moved(two, matrix)
    tries = {name: solved(one, two, way) for name, way in ways.items()}
    name = min(tries, key=lambda name: _implausible(tries[name], one, two, ground, ways[name]))
    alpha, variance = _refined(tries[name], one, two, ways[name], has_half_colour(rgb1) and has_half_colour(rgb2))
    alpha[ground] = 0
    foreground = estimate_foreground(rgb1, alpha, one.ground, encoding=name)
    return Triangulated(alpha, foreground, _confidence(variance, one, two), gain, matrix, name)


def _refined(first: Solved, one: View, two: View, way: Encoding, half_colour: bool) -> tuple[Alpha, Floats]:
    """Return alpha with noise and halved colours undone, and the variance that is left."""
    valid = one.ground.valid & two.ground.valid
    variance = np.where(valid, first.variance, np.float32(25.0))
    fine = refine(first, valid, half_colour)
    for _ in range(_PASSES):
        fine = refine(_with_colour(first, np.clip(fine, 0, 1), one, two, way), valid, half_colour)
    alpha, calmed = settle(fine, variance * np.float32(_CALMED))
    alpha[surely_opaque(np.clip(first.alpha, -1, 2), variance, alpha)] = 1
    return alpha, calmed


def _confidence(variance: Floats, one: View, two: View) -> Floats:
    valid = one.ground.valid & two.ground.valid
    return np.where(valid, 1 / (1 + 10 * np.sqrt(variance)), 0).astype(np.float32)


def _with_least(sigma: Floats) -> Floats:
    return np.maximum(sigma, np.float32(0.003))


def _with_colour(first: Solved, alpha: Floats, one: View, two: View, way: Encoding) -> Solved:
    """Add what the object's colour nearby says to what the two photos' difference says."""
    pairs, noises = [], []
    for view in (one, two):
        photo, ground = (opponent(way.mixed(field))[..., 0] for field in (view.rgb, view.ground.rgb))
        tilt = way.slope(view.rgb).mean(axis=2) ** 2
        pairs.append((photo, ground))
        noises.append(tilt * (view.noise**2 + ((1 - alpha) * view.ground.sigma) ** 2) + np.float32(1e-7))
    evidence = from_colour(alpha, (pairs[0], pairs[1]), (noises[0], noises[1]), tilt)
    return replace(first, luma=together(first.luma, evidence))


def _implausible(tried: Solved, one: View, two: View, ground: NDArray[np.bool_], way: Encoding) -> float:
    """Return how badly an encoding explains the mixed pixels: the two photos together, and each by its surroundings.

    The exponents are those that found the right encoding most often on made-up cases.
    """
    mixed = ~ground & (tried.alpha > 0.05) & (tried.alpha < 0.95)
    if not mixed.any():
        return 0.0
    together = float(np.minimum(tried.misfit[mixed], 25).mean())
    alpha, _ = settle(tried.alpha, tried.variance * np.float32(0.3))
    alpha[ground] = 0
    alone = sum(mixing_misfit(view.rgb, alpha, view.ground.rgb, way) for view in (one, two))
    return (together + 1e-6) * (alone + 1e-6) ** 2
