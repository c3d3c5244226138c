"""Tiles of a picture as inputs of a model; the picture is decoded once for all of them."""

from __future__ import annotations

import threading
from abc import abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Any

from toprung.data.eval_view import EvalView
from toprung.data.input_source import InputSource
from toprung.data.preprocessing import Preprocessing
from toprung.data.resample import MARGIN, Pixels
from toprung.errors import UnreadableImage
from toprung.images.files import open_rgb
from toprung.images.scaled import REDUCTIONS, open_scalable
from toprung.images.tiles import Box, TileGrid


class PartOfPicture(InputSource):
    """What is cut out of a picture before a model's own resizing."""

    @abstractmethod
    def pixels(self, how: Preprocessing) -> Pixels:
        """Return the part, ``(H', W', 3)`` uint8, at full size or reduced to what the model has use for."""

    @abstractmethod
    def framing(self, how: Preprocessing) -> Preprocessing:
        """Return how the part becomes the input."""

    def input_for(self, how: Preprocessing) -> Pixels:
        """Return the part in the model's input size."""
        return EvalView(self.framing(how))(self.pixels(how))


class LargePicture:
    """A picture whose header is read; decoded at its first use, and let go after the last of ``uses``.

    Args:
        source: a path, bytes, Pillow picture or array.

    Attributes:
        height, width: of the upright picture at full size, in pixels.
        uses: how often the pixels are taken, by each model.

    Raises:
        UnreadableImage: it cannot be opened.
    """

    def __init__(self, source: Any) -> None:
        self._source = source
        self._picture = open_scalable(source) if isinstance(source, Path) else _Opened(open_rgb(source))
        self.height, self.width = self._picture.height, self._picture.width
        self.uses = 1
        self._lock = threading.Lock()
        self._held: dict[Any, tuple[Pixels, int]] = {}
        self._failure: UnreadableImage | None = None

    def take(self, most_reduction: float, background: tuple[int, int, int]) -> Pixels:
        """Return ``(H', W', 3)`` uint8, reduced as :meth:`toprung.images.scaled.ScalablePicture.pixels` says."""
        reduction = next(step for step in REDUCTIONS if step <= max(most_reduction, 1.0))
        key = (reduction, background)
        with self._lock:
            if key not in self._held:
                self._held[key] = (self._decode(reduction, background), self.uses)
            pixels, left = self._held.pop(key)
            if left > 1:
                self._held[key] = (pixels, left - 1)
        return pixels

    def _decode(self, reduction: int, background: tuple[int, int, int]) -> Pixels:
        if self._failure:  # told once per tile, but not tried once per tile
            raise self._failure
        try:
            return self._picture.pixels(most_reduction=reduction, background=background)
        except UnreadableImage as error:
            self._failure = UnreadableImage(f"cannot read {self._source}: {error}.")
            raise self._failure from error


class Tile(PartOfPicture):
    """A square of a picture; the whole square becomes the input, nothing of it is cropped away.

    Args:
        picture: which holds it.
        box: where, in pixels of the full size.
    """

    def __init__(self, picture: LargePicture, box: Box) -> None:
        self._picture = picture
        self._box = box

    def pixels(self, how: Preprocessing) -> Pixels:
        """Return the square."""
        box = self._box
        reduction = (box.bottom - box.top) / max(how.size) / MARGIN
        whole = self._picture.take(reduction, how.background)
        down, across = whole.shape[0] / self._picture.height, whole.shape[1] / self._picture.width
        top, left = int(box.top * down), int(box.left * across)
        bottom, right = max(round(box.bottom * down), top + 1), max(round(box.right * across), left + 1)
        return whole[top:bottom, left:right]

    def framing(self, how: Preprocessing) -> Preprocessing:
        """Return a preprocessing that shows all of the square."""
        return replace(how, crop_pct=1.0, crop_mode="squash")


class Whole(PartOfPicture):
    """All of a picture, prepared as for plain prediction, but from the pixels that its tiles are cut from.

    Args:
        picture: the picture.
        side: of the tiles beside it, in pixels, which decides how far it is reduced.
    """

    def __init__(self, picture: LargePicture, side: int) -> None:
        self._picture = picture
        self._side = side

    def pixels(self, how: Preprocessing) -> Pixels:
        """Return the picture."""
        return self._picture.take(self._side / max(how.size) / MARGIN, how.background)

    def framing(self, how: Preprocessing) -> Preprocessing:
        """Return the model's own preprocessing."""
        return how


def tile_inputs(picture: LargePicture, grid: TileGrid, *, with_whole: bool) -> list[InputSource]:
    """Return the tiles of a picture as sources of inputs, row by row, the whole picture after them where wanted."""
    parts: list[InputSource] = [Tile(picture, box) for box in grid.boxes]
    if with_whole:
        parts.append(Whole(picture, grid.side))
    picture.uses = len(parts)
    return parts


class _Opened:
    """Pixels in a :class:`ScalablePicture`'s clothes."""

    def __init__(self, pixels: Pixels) -> None:
        self.height, self.width = pixels.shape[:2]
        self._pixels = pixels

    def pixels(self, *, most_reduction: float = 1.0, background: tuple[int, int, int] = (255, 255, 255)) -> Pixels:
        return self._pixels
