"""From a picture to a model's input when scoring and predicting: resize, then crop the middle. No chance in it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toprung.data.input_source import InputSource
from toprung.data.preprocessing import Preprocessing
from toprung.data.resample import MARGIN, Pixels, resize
from toprung.errors import ModelError, UnreadableImage
from toprung.images.files import open_rgb
from toprung.images.scaled import open_scalable


class EvalView:
    """timm's evaluation transform on 8-bit pixels.

    - ``center``: the shorter side becomes ``floor(side / crop_pct)``, then the middle is cut out;
    - ``squash``: both sides become that, then the middle;
    - ``border``: the longer side becomes that, then the middle, the rest filled with grey.

    Args:
        preprocessing: the model's.

    Raises:
        ModelError: a crop mode that is none of these.
    """

    def __init__(self, preprocessing: Preprocessing) -> None:
        if preprocessing.crop_mode not in {"center", "squash", "border"}:
            raise ModelError(
                f"crop_mode = {preprocessing.crop_mode!r} is not known; it must be center, squash or border."
            )
        self._how = preprocessing
        height, width = preprocessing.size
        self.size = preprocessing.size
        self._scaled = (math.floor(height / preprocessing.crop_pct), math.floor(width / preprocessing.crop_pct))

    def __call__(self, source: Any) -> Pixels:
        """Return ``(H, W, 3)`` uint8 of the model's input size.

        Args:
            source: a path, a file's bytes, a Pillow picture, or an array, as
                :func:`toprung.images.files.open_rgb` takes them; or what makes the input itself.

        Raises:
            UnreadableImage: it cannot be opened.
        """
        if isinstance(source, InputSource):
            return source.input_for(self._how)
        if not isinstance(source, Path):
            pixels = open_rgb(source, background=self._how.background)
            return self._crop(resize(pixels, *self.resized_size(*pixels.shape[:2]), self._how.interpolation))
        picture = open_scalable(source)
        height, width = self.resized_size(picture.height, picture.width)
        reduction = min(picture.height / height, picture.width / width) / MARGIN
        try:
            pixels = picture.pixels(most_reduction=reduction, background=self._how.background)
        except UnreadableImage as error:
            raise UnreadableImage(f"cannot read {source}: {error}.") from error
        return self._crop(resize(pixels, height, width, self._how.interpolation))

    def resized_size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width before the crop, of a picture of this height and width."""
        tall, wide = self._scaled
        if self._how.crop_mode == "squash":
            return tall, wide
        if self._how.crop_mode == "border":
            ratio = max(height / tall, width / wide)
            return max(round(height / ratio), 1), max(round(width / ratio), 1)
        if tall == wide:  # torchvision's Resize: the longer side is cut to a whole number
            short, long = min(height, width), max(height, width)
            longer = int(tall * long / short)
            return (tall, longer) if height <= width else (longer, tall)
        ratio = min(height / tall, width / wide)
        return max(round(height / ratio), 1), max(round(width / ratio), 1)

    def filled(self, pixels: Pixels) -> Pixels:
        """Return a resized picture with grey around it where it is smaller than the input."""
        tall, wide = self.size
        height, width = pixels.shape[:2]
        if height < tall or width < wide:
            return _pad(pixels, max(height, tall), max(width, wide), self._fill())
        return pixels

    def _crop(self, pixels: Pixels) -> Pixels:
        tall, wide = self.size
        pixels = self.filled(pixels)
        height, width = pixels.shape[:2]
        top, left = round((height - tall) / 2), round((width - wide) / 2)
        return pixels[top : top + tall, left : left + wide]

    def _fill(self) -> NDArray[np.uint8]:
        return np.array([round(255 * value) for value in self._how.mean], dtype=np.uint8)


def _pad(pixels: Pixels, height: int, width: int, fill: NDArray[np.uint8]) -> Pixels:
    top, left = (height - pixels.shape[0]) // 2, (width - pixels.shape[1]) // 2
    canvas = np.empty((height, width, 3), dtype=np.uint8)
    canvas[:] = fill
    canvas[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return canvas
