"""From a picture to a training input: a random crop, flips, changes of colour and shape, erased patches.

Every number is drawn from a generator that the caller makes from seed, epoch and place in the epoch, so a picture's
augmentation does not depend on which thread works on it or on what was drawn before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from toprung.data.color_ops import jitter_colours
from toprung.data.randaugment import rand_augment, trivial_augment
from toprung.data.resample import Pixels, resize
from toprung.errors import RecipeError

RATIO = (3 / 4, 4 / 3)  # width : height of a crop, as everywhere since Szegedy et al. 2015
ERASED_AREA = (0.02, 1 / 3)  # Zhong et al. 2020
ERASED_RATIO = (0.3, 3.3)


@dataclass(frozen=True)
class Crop:
    """A rectangle in a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class TrainView:
    """Random changes to one picture. The settings are those of :class:`toprung.training.recipe.AugmentSettings`.

    Attributes:
        size: height and width of the result in pixels.
        scale: least and greatest share of the picture's area that a crop takes.
        interpolation: as :func:`toprung.data.resample.resize` takes it.
    """

    size: tuple[int, int]
    scale: tuple[float, float] = (0.35, 1.0)
    flip: float = 0.5
    vertical_flip: float = 0.0
    color_jitter: float = 0.0
    auto_augment: str = "none"
    magnitude: float = 9.0
    magnitude_std: float = 0.5
    operations: int = 2
    erasing: float = 0.0
    interpolation: str = "bicubic"

    def __post_init__(self) -> None:
        if self.auto_augment not in {"none", "randaugment", "trivialaugment"}:
            raise RecipeError(
                f"augment.auto_augment = {self.auto_augment!r} is not known; "
                "it must be none, randaugment or trivialaugment."
            )

    def choose_crop(self, height: int, width: int, draw: np.random.Generator) -> Crop:
        """Draw the part of a ``height`` × ``width`` picture that is seen."""
        return random_resized_crop(height, width, self.scale, draw)

    def finish(self, crop: Pixels, draw: np.random.Generator) -> Pixels:
        """Return ``(H, W, 3)`` uint8 of :attr:`size` from the pixels of a crop."""
        pixels = resize(crop, *self.size, self.interpolation)
        if self.flip and draw.random() < self.flip:
            pixels = _mirrored(pixels, 1)
        if self.vertical_flip and draw.random() < self.vertical_flip:
            pixels = _mirrored(pixels, 0)
        if self.auto_augment == "randaugment":
            pixels = rand_augment(
                pixels,
                draw,
                operations=self.operations,
                magnitude=self.magnitude,
                magnitude_std=self.magnitude_std,
            )
        elif self.auto_augment == "trivialaugment":
            pixels = trivial_augment(pixels, draw)
        if self.color_jitter:
            pixels = jitter_colours(pixels, self.color_jitter, draw)
        if self.erasing and draw.random() < self.erasing:
            pixels = erase(pixels, draw)
        return pixels


def _mirrored(pixels: Pixels, axis: int) -> Pixels:
    # a view with a negative stride would cost ten times as much when it is copied into the batch
    return cv2.flip(pixels, axis).astype(np.uint8, copy=False)


def random_resized_crop(height: int, width: int, scale: tuple[float, float], draw: np.random.Generator) -> Crop:
    """Draw a crop of a random share of the area and a random shape.

    Args:
        height, width: of the picture.
        scale: least and greatest share of the area.
        draw: source of chance.

    Source:
        Szegedy et al. 2015, "Going deeper with convolutions", section 6; ten tries, then the largest crop of an
        allowed shape in the middle, as in torchvision's ``RandomResizedCrop``.
    """
    area = height * width
    low, high = math.log(RATIO[0]), math.log(RATIO[1])
    for _ in range(10):
        target = area * draw.uniform(*scale)
        ratio = math.exp(draw.uniform(low, high))
        wide, tall = round(math.sqrt(target * ratio)), round(math.sqrt(target / ratio))
        if 0 < wide <= width and 0 < tall <= height:
            top = int(draw.integers(height - tall + 1))
            return Crop(top, int(draw.integers(width - wide + 1)), tall, wide)
    ratio = min(max(width / height, RATIO[0]), RATIO[1])
    wide, tall = min(width, round(height * ratio)), min(height, round(width / ratio))
    return Crop((height - tall) // 2, (width - wide) // 2, max(tall, 1), max(wide, 1))


def erase(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    """Return the picture with noise in a random rectangle.

    Source:
        Zhong et al. 2020, "Random erasing data augmentation"; noise per pixel as in timm's mode ``pixel``, here
        uniform over the 8-bit levels.
    """
    height, width = pixels.shape[:2]
    low, high = math.log(ERASED_RATIO[0]), math.log(ERASED_RATIO[1])
    for _ in range(10):
        target = height * width * draw.uniform(*ERASED_AREA)
        ratio = math.exp(draw.uniform(low, high))
        tall, wide = round(math.sqrt(target * ratio)), round(math.sqrt(target / ratio))
        if 0 < tall < height and 0 < wide < width:
            top, left = int(draw.integers(height - tall + 1)), int(draw.integers(width - wide + 1))
            erased = pixels.copy()
            erased[top : top + tall, left : left + wide] = draw.integers(256, size=(tall, wide, 3), dtype=np.uint8)
            return erased
    return pixels
