"""Keep decoded training pictures, so that a JPEG is decoded once and not in every epoch.

What is kept is the picture at the size that random crops need, not at its own: a photo of 12 megapixels takes
half a megabyte. Crops are cut from the kept size in every epoch, the first included, so that a run trains on the
same pixels whether or not a picture happened to be in the cache already.
"""

from __future__ import annotations

import math
import os
import tempfile
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from toprung.data.resample import MARGIN, Pixels, resize
from toprung.errors import UnreadableImage
from toprung.images.scaled import open_scalable
from toprung.storage import explain

SHARE_OF_FREE_MEMORY = 0.25  # that "auto" is ready to take


class Store(Protocol):
    """Holds pictures by row."""

    def get(self, row: int) -> Pixels | None:
        """Return what was put there, read-only, or ``None``."""

    def put(self, row: int, pixels: Pixels) -> None:
        """Keep ``(H, W, 3)`` uint8."""


class RamStore:
    """In memory."""

    def __init__(self) -> None:
        self._kept: dict[int, Pixels] = {}

    def get(self, row: int) -> Pixels | None:
        """Return a kept picture."""
        return self._kept.get(row)

    def put(self, row: int, pixels: Pixels) -> None:
        """Keep a picture."""
        pixels.setflags(write=False)
        self._kept[row] = pixels


class DiskStore:
    """In one file without a name, which vanishes with the process; the system keeps what fits in memory.

    When the disk is full, no more is kept and one warning says so; training goes on by decoding.

    Args:
        folder: where the file is made.

    Raises:
        StorageError: the folder is not writable.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - open for as long as the cache lives
        except OSError as error:
            raise explain(error, folder, "make a cache in") from error
        self._places: dict[int, tuple[int, tuple[int, ...]]] = {}
        self._end = 0
        self._lock = threading.Lock()
        self._is_full = False

    def get(self, row: int) -> Pixels | None:
        """Map a kept picture."""
        place = self._places.get(row)
        if place is None:
            return None
        offset, shape = place
        return np.memmap(self._file, dtype=np.uint8, mode="r", offset=offset, shape=shape)

    def put(self, row: int, pixels: Pixels) -> None:
        """Append a picture."""
        if self._is_full:
            return
        with self._lock:
            offset, self._end = self._end, self._end + pixels.nbytes
        try:
            # written, not mapped: a write to a full disk is an error, a store to mapped memory kills the process
            written = os.pwrite(self._file.fileno(), np.ascontiguousarray(pixels).data, offset)
        except OSError as error:
            written = -1
            reason = str(explain(error, Path("the picture cache")))
        else:
            reason = "the disk is full"
        if written < pixels.nbytes:
            self._is_full = True
            warnings.warn(f"no more pictures are cached: {reason}", RuntimeWarning, stacklevel=2)
            return
        self._places[row] = (offset, pixels.shape)


class PixelCache:
    """Decoded pictures of one table at the size that crops need.

    Args:
        store: where they are kept.
        side: the shorter side that pictures are reduced to, in pixels; smaller ones stay as they are.
        background: colour under transparent pixels.
    """

    def __init__(self, store: Store, *, side: int, background: tuple[int, int, int] = (255, 255, 255)) -> None:
        self._store = store
        self._side = side
        self._background = background

    def picture(self, row: int, path: Path) -> Pixels:
        """Return the picture of a row, ``(H, W, 3)`` uint8, read-only.

        Raises:
            UnreadableImage: it is not kept yet, and the file cannot be opened.
        """
        kept = self._store.get(row)
        if kept is None:
            kept = self._decode(path)
            self._store.put(row, kept)
        return kept

    def _decode(self, path: Path) -> Pixels:
        picture = open_scalable(path)
        height, width = kept_size(picture.height, picture.width, self._side)
        reduction = min(picture.height / height, picture.width / width)
        try:
            pixels = picture.pixels(most_reduction=reduction, background=self._background)
        except UnreadableImage as error:
            raise UnreadableImage(f"cannot read {path}: {error}.") from error
        return resize(pixels, height, width, "bilinear")


def crop_side(size: tuple[int, int], scale_min: float) -> int:
    """Return the shorter side that a picture is kept at for its random crops.

    Its smallest square crop is not enlarged, and that of mean area is still twice as large as the input.

    Args:
        size: height and width of the model's input.
        scale_min: least share of the area that a crop takes; shares are uniform between it and 1.
    """
    mean = (scale_min + 1) / 2
    return math.ceil(max(size) * max(MARGIN / math.sqrt(mean), 1 / math.sqrt(scale_min)))


def kept_size(height: int, width: int, side: int) -> tuple[int, int]:
    """Return height and width that a picture is kept at: its shorter side is at most ``side``."""
    ratio = min(height, width) / side
    return (height, width) if ratio <= 1 else (max(round(height / ratio), 1), max(round(width / ratio), 1))


def kept_bytes(sizes: Sequence[tuple[int, int]], side: int) -> int:
    """Return the bytes that pictures of these heights and widths take in a cache."""
    return sum(3 * tall * wide for tall, wide in (kept_size(height, width, side) for height, width in sizes))


def fits_in_memory(needed: int) -> bool:
    """Say whether so many bytes are less than a quarter of the memory that is free now."""
    import psutil

    return needed < SHARE_OF_FREE_MEMORY * psutil.virtual_memory().available
