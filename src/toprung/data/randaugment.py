"""RandAugment and TrivialAugment on 8-bit pictures. Adding an operation is adding a function here.

An operation takes a Pillow picture and a strength in [-1, 1]; those that have no direction use its size only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from toprung.data.resample import Pixels

Operation = Callable[[Image.Image, float], Image.Image]

FILL = (128, 128, 128)  # what moves in from outside the picture

_OPERATIONS: dict[str, Operation] = {}


def register(operation: Operation) -> Operation:
    """Add an operation under its function's name."""
    _OPERATIONS[operation.__name__] = operation
    return operation


def operation_names() -> list[str]:
    """Return the names of all operations."""
    return list(_OPERATIONS)


def rand_augment(
    pixels: Pixels, draw: np.random.Generator, *, operations: int, magnitude: float, magnitude_std: float
) -> Pixels:
    """Apply some random operations, each with probability 1/2 and about the same strength.

    Args:
        pixels: ``(H, W, 3)`` uint8.
        draw: source of chance.
        operations: how many are drawn, with replacement.
        magnitude: mean strength, 0 … 10.
        magnitude_std: its standard deviation.

    Source:
        Cubuk et al. 2020, "RandAugment"; strengths that grow with the magnitude for every operation, a normal
        spread and probability 1/2 as in timm's ``rand-m9-mstd0.5-inc1``.
    """
    image = Image.fromarray(np.ascontiguousarray(pixels))
    names = list(_OPERATIONS)
    for index in draw.integers(len(names), size=operations):
        applies = draw.random() < 0.5
        strength = min(max(draw.normal(magnitude, magnitude_std) / 10, 0.0), 1.0)
        direction = 1.0 if draw.random() < 0.5 else -1.0
        if applies:
            image = _OPERATIONS[names[int(index)]](image, direction * strength)
    return np.array(image)


def trivial_augment(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    """Apply one random operation, or none, with a random strength of 31 steps.

    Source:
        Müller & Hutter 2021, "TrivialAugment", with this file's operations and ranges.
    """
    names = [None, *_OPERATIONS]
    name = names[int(draw.integers(len(names)))]
    strength = int(draw.integers(31)) / 30 * (1.0 if draw.random() < 0.5 else -1.0)
    if name is None:
        return pixels
    return np.array(_OPERATIONS[name](Image.fromarray(np.ascontiguousarray(pixels)), strength))


@register
def auto_contrast(image: Image.Image, strength: float) -> Image.Image:
    """Stretch each channel to the full range."""
    return ImageOps.autocontrast(image)


@register
def equalize(image: Image.Image, strength: float) -> Image.Image:
    """Make each channel's histogram flat."""
    return ImageOps.equalize(image)


@register
def invert(image: Image.Image, strength: float) -> Image.Image:
    """Turn into the negative."""
    return ImageOps.invert(image)


@register
def rotate(image: Image.Image, strength: float) -> Image.Image:
    """Rotate by up to 30 degrees."""
    return image.rotate(30 * strength, Image.Resampling.BILINEAR, fillcolor=FILL)


@register
def posterize(image: Image.Image, strength: float) -> Image.Image:
    """Keep 8 down to 4 bits of each channel."""
    return ImageOps.posterize(image, 8 - round(4 * abs(strength)))


@register
def solarize(image: Image.Image, strength: float) -> Image.Image:
    """Invert what is brighter than a threshold, which sinks from 256 to 0."""
    return ImageOps.solarize(image, 256 - round(256 * abs(strength)))


@register
def brighten_dark(image: Image.Image, strength: float) -> Image.Image:
    """Add up to 110 levels to what is darker than half."""
    added = round(110 * abs(strength))
    table = [min(level + added, 255) if level < 128 else level for level in range(256)]
    return image.point(table * 3)


@register
def saturation(image: Image.Image, strength: float) -> Image.Image:
    """Scale the saturation by 0.1 to 1.9."""
    return ImageEnhance.Color(image).enhance(1 + 0.9 * strength)


@register
def contrast(image: Image.Image, strength: float) -> Image.Image:
    """Scale the contrast by 0.1 to 1.9."""
    return ImageEnhance.Contrast(image).enhance(1 + 0.9 * strength)


@register
def brightness(image: Image.Image, strength: float) -> Image.Image:
    """Scale the brightness by 0.1 to 1.9."""
    return ImageEnhance.Brightness(image).enhance(1 + 0.9 * strength)


@register
def sharpness(image: Image.Image, strength: float) -> Image.Image:
    """Blur or sharpen by 0.1 to 1.9."""
    return ImageEnhance.Sharpness(image).enhance(1 + 0.9 * strength)


@register
def shear_x(image: Image.Image, strength: float) -> Image.Image:
    """Shear sideways by up to 0.3."""
    return _affine(image, (1, 0.3 * strength, 0, 0, 1, 0))


@register
def shear_y(image: Image.Image, strength: float) -> Image.Image:
    """Shear upwards by up to 0.3."""
    return _affine(image, (1, 0, 0, 0.3 * strength, 1, 0))


@register
def translate_x(image: Image.Image, strength: float) -> Image.Image:
    """Shift sideways by up to 45 % of the width."""
    return _affine(image, (1, 0, 0.45 * strength * image.width, 0, 1, 0))


@register
def translate_y(image: Image.Image, strength: float) -> Image.Image:
    """Shift upwards by up to 45 % of the height."""
    return _affine(image, (1, 0, 0, 0, 1, 0.45 * strength * image.height))


def _affine(image: Image.Image, matrix: tuple[float, ...]) -> Image.Image:
    return image.transform(
        image.size, Image.Transform.AFFINE, matrix, resample=Image.Resampling.BILINEAR, fillcolor=FILL
    )
