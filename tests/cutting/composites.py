"""Made-up objects with known alpha and colours, laid over papers as a camera would see them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from toprung.cutting.scene import Background

Floats = NDArray[np.float32]

RED, GREEN, BLUE, YELLOW = (0.75, 0.3, 0.28), (0.3, 0.66, 0.4), (0.28, 0.45, 0.78), (0.85, 0.76, 0.3)


@dataclass(frozen=True)
class Composite:
    """One photo: what was seen, and what it was made of."""

    photo: Floats
    paper: Floats
    plate: Floats
    alpha: Floats
    foreground: Floats
    noise: float

    def background(self) -> Background:
        """Return what an aligned plate says."""
        shape = self.alpha.shape
        sigma = np.full(shape, max(self.noise * 2**0.5, 1e-3), np.float32)
        return Background(self.plate, sigma, np.ones(shape, bool), "plate")


def decode(rgb: NDArray) -> NDArray:
    return np.where(rgb <= 0.04045, rgb / 12.92, ((np.maximum(rgb, 0) + 0.055) / 1.055) ** 2.4)


def encode(linear: NDArray) -> NDArray:
    linear = np.maximum(linear, 0)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def _blots(rng: np.random.Generator, size: int, width: float) -> Floats:
    noise = ndimage.gaussian_filter(rng.standard_normal((size, size, 3)), (width, width, 0))
    return (noise / noise.std()).astype(np.float32)


def colours(size: int, seed: int = 0) -> Floats:
    """Return a painted surface: large patches with edges between them, and fine grain."""
    rng = np.random.default_rng(seed)
    patches = np.sign(_blots(rng, size, size / 14)) * 0.16
    patches = ndimage.gaussian_filter(patches, (0.7, 0.7, 0))
    whole = rng.uniform(0.25, 0.7, 3) + patches + 0.05 * _blots(rng, size, 6) + 0.015 * _blots(rng, size, 1)
    return np.clip(whole, 0.02, 0.98).astype(np.float32)


def disc(size: int, seed: int = 0) -> Floats:
    y, x = np.mgrid[:size, :size] - size / 2
    angle = np.arctan2(y, x)
    radius = size * (0.3 + 0.03 * np.sin(5 * angle + seed))
    return np.clip(radius - np.hypot(x, y) + 0.5, 0, 1).astype(np.float32)


def soft(size: int, seed: int = 0) -> Floats:
    hard = disc(size, seed)
    near, far = ndimage.gaussian_filter(hard, size / 80), ndimage.gaussian_filter(hard, size / 18)
    share = np.linspace(0, 1, size, dtype=np.float32)[None]
    return np.clip(near * (1 - share) + far * share, 0, 1).astype(np.float32)


def holes(size: int, seed: int = 0) -> Floats:
    y, x = np.mgrid[:size, :size] - size / 2
    alpha = disc(size, seed)
    for place in range(3):
        angle = 2.1 * place + seed
        away = np.hypot(x - size * 0.15 * np.cos(angle), y - size * 0.15 * np.sin(angle))
        alpha = np.minimum(alpha, np.clip(away - size * 0.05 + 0.5, 0, 1))
    return alpha.astype(np.float32)


def hairs(size: int, seed: int = 0) -> Floats:
    rng = np.random.default_rng(seed)
    fine = np.zeros((size * 4, size * 4), np.float32)
    t = np.linspace(0, 1, size * 12)
    for angle in rng.uniform(0, 2 * np.pi, 40):
        bend = rng.uniform(-0.7, 0.7)
        way = size * 4 * (0.18 + 0.26 * t)
        y = size * 2 + way * np.sin(angle + bend * t)
        x = size * 2 + way * np.cos(angle + bend * t)
        fine[y.astype(int), x.astype(int)] = 1
        fine[y.astype(int) + 1, x.astype(int)] = 1
        fine[y.astype(int), x.astype(int) + 1] = 1
    strands = fine.reshape(size, 4, size, 4).mean((1, 3))
    y, x = np.mgrid[:size, :size] - size / 2
    core = np.clip(size * 0.2 - np.hypot(x, y) + 0.5, 0, 1)
    return np.clip(np.maximum(ndimage.gaussian_filter(strands, 0.5), core), 0, 1).astype(np.float32)


def glass(size: int, seed: int = 0) -> Floats:
    return (disc(size, seed) * 0.45).astype(np.float32)


OBJECTS: dict[str, Callable[[int, int], Floats]] = {
    "disc": disc, "soft": soft, "holes": holes, "hairs": hairs, "glass": glass,
}  # fmt: skip
ENCODINGS: dict[str, tuple[Callable[[NDArray], NDArray], Callable[[NDArray], NDArray]]] = {
    "linear": (decode, encode),
    "gamma": (np.asarray, np.asarray),
}


def paper(size: int, colour: tuple[float, float, float], seed: int = 0, slope: float = 0.12) -> Floats:
    """Return paper of a colour, lit unevenly."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size - 0.5
    a, b = rng.uniform(-slope, slope, 2)
    light = 1 + a * x + b * y - 0.3 * slope * (x * x + y * y)
    fibres = 1 + 0.01 * ndimage.gaussian_filter(rng.standard_normal((size, size)), 0.8)
    return np.clip(np.asarray(colour) * (light * fibres)[..., None], 0, 1).astype(np.float32)


def shifted(picture: NDArray, shift: tuple[float, float]) -> NDArray:
    """Return the picture moved by (x, y) pixels."""
    move = (shift[1], shift[0], 0)[: picture.ndim]
    return ndimage.shift(picture, move, order=3, mode="nearest")


def jpeg(rgb: NDArray, quality: int) -> Floats:
    file = io.BytesIO()
    Image.fromarray(np.round(rgb * 255).astype(np.uint8)).save(file, "JPEG", quality=quality, subsampling=0)
    return np.asarray(Image.open(file), np.float32) / 255


def shoot(
    rgb: NDArray, noise: float = 0.0, quality: int | None = None, gain: float | tuple[float, ...] = 1.0, seed: int = 0
) -> Floats:
    """Return what the camera stores: exposure (in linear light), sensor noise, JPEG."""
    rng = np.random.default_rng(seed)
    seen = encode(decode(rgb) * np.asarray(gain)) if np.any(np.asarray(gain) != 1.0) else rgb
    seen = np.clip(seen + noise * rng.standard_normal(rgb.shape), 0, 1).astype(np.float32)
    return seen if quality is None else jpeg(seen, quality)


def composite(
    alpha: Floats, foreground: Floats, ground: Floats, *, encoding: str = "gamma", noise: float = 0.0,
    quality: int | None = None, gain: float | tuple[float, ...] = 1.0, shift: tuple[float, float] = (0, 0),
    shade: Floats | None = None, plate_shift: tuple[float, float] = (0, 0), seed: int = 0,
) -> Composite:  # fmt: skip
    """Lay an object on a ground and photograph both the scene and the bare ground.

    Args:
        shift: of the object against its place, (x, y) in pixels (alpha and foreground returned are the moved ones).
        shade: (H, W) factor of light on the ground in the photo, not in the plate.
        plate_shift: how far the plate is off.
    """
    to_light, to_code = ENCODINGS[encoding]
    if any(shift):
        alpha = np.clip(shifted(alpha, shift), 0, 1).astype(np.float32)
        foreground = np.clip(shifted(foreground, shift), 0, 1).astype(np.float32)
    lit = ground if shade is None else ground * shade[..., None]
    a = alpha[..., None]
    scene = to_code(a * to_light(foreground) + (1 - a) * to_light(lit))
    photo = shoot(scene, noise, quality, gain, seed * 2 + 1)
    bare = shifted(ground, plate_shift) if any(plate_shift) else ground
    plate = shoot(np.clip(bare, 0, 1), noise, quality, gain, seed * 2 + 2)
    return Composite(photo, ground, plate, alpha, foreground, noise)
