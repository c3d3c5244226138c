"""Colours of the object under a known alpha: what it would look like without the background shining through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toprung.cutting.foreground.band import Priors, solve_tile
from toprung.cutting.foreground.chroma import has_half_colour
from toprung.cutting.foreground.encodings import Encoding, encoding_of, likely_encoding
from toprung.cutting.foreground.fill import fill
from toprung.cutting.foreground.light import ground_light
from toprung.cutting.foreground.spread import neighbour_spread, noise_and_drift, noise_level
from toprung.cutting.photo import open_photo
from toprung.cutting.scene import RGB, Alpha, Background
from toprung.errors import CutoutError

Floats = NDArray[np.float32]
Picture = str | Path | Image.Image | NDArray

_TILE, _OVERLAP = 768, 16
_SMALLEST = 16  # pixels of the short side at the coarsest level
_ROUNDS = 8


def estimate_foreground(
    photo: Picture, alpha: Picture, plate: Picture | Background | None = None, *, encoding: str | None = None
) -> RGB:
    """Estimate the object's own colours, so that a cutout has no halo of its old background.

    Args:
        photo: the picture, as a path, a PIL image or an array.
        alpha: the share of the object, ``(H, W)`` in [0, 1] (or 8 or 16 bit), or a grey picture of it.
        plate: the ground without the object, in the photo's frame (aligned); without it the ground is continued from
            around the object.
        encoding: "linear" if object and ground were mixed as light (a camera), "gamma" if on the stored values (most
            software); None decides by the photo.

    Returns:
        ``(H, W, 3)`` float32 sRGB in [0, 1]: the photo's own colours where alpha is 1, a continuation of the object's
        colours where it is 0.

    Raises:
        CutoutError: the sizes disagree, or the encoding is unknown.
        UnreadableImage: a file is not a picture.

    Source:
        Maximum a posteriori under the energy of Germer et al. 2020, coarse to fine; see :mod:`.band`.
    """
    rgb = open_photo(photo).rgb
    share = _open_alpha(alpha, rgb.shape[:2])
    ground = _open_plate(plate, rgb, share)
    name = likely_encoding(rgb, share, ground.rgb) if encoding is None else encoding
    half = has_half_colour(rgb)
    base, sigma, priors = _known(rgb, share, ground, half)
    colours, _ = _solve(rgb, share, base, sigma, encoding_of(name), priors, half)
    return colours


def _known(rgb: RGB, alpha: Alpha, ground: Background, half_colour: bool) -> tuple[Floats, Floats, Priors]:
    """Return what the background is compared with, that one's own noise per pixel, and the priors.

    In JPEG with halved colours the noise that matters is the photo's own: whatever else differs from the plate is the
    halving, which the solver models itself, and counting it as noise would smear colours over clean photos.
    """
    noise = noise_level(rgb, 0.0015)
    front = neighbour_spread(rgb, alpha >= 1, noise, 0.004, 0.02)
    clear = (alpha <= 0) & ground.valid
    if ground.source == "plate":
        base, sigma = ground.rgb, ground.sigma
        both, drift = noise_and_drift(rgb - base, clear)
        if half_colour:
            return base, sigma, Priors(max(noise, 0.002), front, max(drift, 0.002))
        noise *= float(np.clip(both / 2**0.5 / noise, 1, 1.5))  # more than noise alone makes: JPEG
        sigma = np.maximum(sigma, np.float32(max(both**2 - noise**2, 0) ** 0.5))
        return base, sigma, Priors(noise, 2 * front, max(drift, 0.0015))
    base, sigma = np.zeros_like(rgb), np.zeros(alpha.shape, np.float32)
    noise *= float(np.clip(noise_and_drift(rgb, clear)[0] / noise, 1, 2))
    back = 3 * neighbour_spread(rgb, clear, noise, 0.002, 0.01)
    if half_colour:
        return base, sigma, Priors(2.5 * max(noise, 0.004), 0.7 * front, max(back, 0.006))
    return base, sigma, Priors(noise, 2 * front, back)


def _solve(
    rgb: Floats, alpha: Floats, plate: Floats, sigma: Floats, way: Encoding, priors: Priors, half_colour: bool
) -> tuple[Floats, Floats]:
    """Return F and R everywhere, each level starting from the one of half its size."""
    import cv2

    height, width = alpha.shape
    if min(height, width) <= _SMALLEST:
        weight = alpha[..., None] ** 2 + np.float32(1e-4)
        front = np.broadcast_to((weight * rgb).sum((0, 1)) / weight.sum((0, 1)), rgb.shape).astype(np.float32)
        difference = way.mixed(rgb) - way.mixed(plate)
        weight = (1 - alpha[..., None]) ** 2 + np.float32(1e-4)
        rest = np.broadcast_to((weight * difference).sum((0, 1)) / weight.sum((0, 1)), rgb.shape).astype(np.float32)
        front, rest = front.copy(), rest.copy()
    else:
        half = ((width + 1) // 2, (height + 1) // 2)
        smaller = [
            np.asarray(cv2.resize(field, half, interpolation=cv2.INTER_AREA), np.float32)
            for field in (rgb, alpha, plate, sigma)
        ]
        coarse = _solve(smaller[0], smaller[1], smaller[2], smaller[3], way, priors, False)
        front, rest = (
            np.asarray(cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
            for field in coarse
        )
    opaque, clear = alpha >= 1, alpha <= 0
    front[opaque] = rgb[opaque]
    rest[clear] = way.mixed(rgb[clear]) - way.mixed(plate[clear])
    mixed = (~opaque & ~clear).astype(np.uint8)
    unknown = cv2.dilate(mixed, np.ones((5, 5), np.uint8)).astype(bool)
    for inner, outer, within in _tiles(height, width):
        if not unknown[inner].any():
            continue
        some = unknown[outer]
        solved = solve_tile(
            rgb[outer], alpha[outer], plate[outer], sigma[outer], front[outer], rest[outer], some, way, priors,
            half_colour, _ROUNDS,
        )  # fmt: skip
        for field, values in zip((front, rest), solved, strict=True):
            tile = field[outer].copy()
            tile[some] = values
            field[inner] = tile[within]
    front[opaque] = rgb[opaque]
    np.clip(front, 0, 1, out=front)
    return front, rest


Window = tuple[slice, slice]


def _tiles(height: int, width: int) -> Iterator[tuple[Window, Window, Window]]:
    """Yield each tile: its place, its place with the overlap, and the first within the second."""
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            bottom, right = min(top + _TILE, height), min(left + _TILE, width)
            above, before = max(top - _OVERLAP, 0), max(left - _OVERLAP, 0)
            outer = (slice(above, min(bottom + _OVERLAP, height)), slice(before, min(right + _OVERLAP, width)))
            within = (slice(top - above, bottom - above), slice(left - before, right - before))
            yield (slice(top, bottom), slice(left, right)), outer, within


def _open_alpha(alpha: Picture, shape: tuple[int, ...]) -> Alpha:
    """Return alpha as float32 in [0, 1]."""
    if isinstance(alpha, np.ndarray) and alpha.dtype.kind == "f" and alpha.ndim == 2:
        share = np.clip(alpha, 0, 1).astype(np.float32)
    else:
        share = open_photo(alpha).rgb[..., 1]
    if share.shape != shape[:2]:
        raise CutoutError(
            f"The alpha is {share.shape[1]} × {share.shape[0]} pixels and the photo {shape[1]} × {shape[0]}: "
            "give an alpha of the photo's size."
        )
    return np.ascontiguousarray(share)


def _open_plate(plate: Picture | Background | None, rgb: RGB, alpha: Alpha) -> Background:
    """Return the background under the object, lit as in the photo."""
    clear = alpha <= 0
    if plate is None:
        ground = fill(rgb, clear.astype(np.float32))
        return Background(ground, np.zeros(alpha.shape, np.float32), clear, "border")
    if isinstance(plate, Background):
        bare, sigma, valid = plate.rgb, plate.sigma, plate.valid
    else:
        bare = open_photo(plate).rgb
        sigma = np.full(alpha.shape, noise_level(bare, 0.0015), np.float32)
        valid = np.ones(alpha.shape, bool)
    if bare.shape != rgb.shape:
        raise CutoutError(
            f"The plate is {bare.shape[1]} × {bare.shape[0]} pixels and the photo {rgb.shape[1]} × {rgb.shape[0]}: "
            "align it first, with toprung.align."
        )
    light = ground_light(rgb, bare, clear & valid)
    return Background(bare * light[..., None], sigma, valid, "plate")
