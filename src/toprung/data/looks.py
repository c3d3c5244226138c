"""What a picture looks like, in a few numbers: enough to find the same picture saved in another way."""

from __future__ import annotations

from dataclasses import dataclass

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 256  # pixels: a decoder need not give more than this on the shorter side for a look
_GRID = 8
_FLAT = 1.0  # levels of 255: standard deviation below which a hash holds rounding errors only


@dataclass(frozen=True)
class Look:
    """A perceptual hash, and a thumbnail to check it by.

    Attributes:
        hash: 64-bit pHash of the brightness, most significant bit first as :mod:`imagehash` writes it.
        thumbnail: 8 x 8 pixels Y, Cb, Cr as 192 bytes.
    """

    hash: int
    thumbnail: bytes


def look_at(rgb: NDArray[np.uint8]) -> Look | None:
    """Return the look of a picture, ``None`` of a flat one.

    The hash of a flat picture depends on rounding errors, so all flat pictures would look alike: blank
    scans, and black frames of a dozen classes.

    Args:
        rgb: ``(H, W, 3)`` uint8 sRGB, upright.

    Source:
        Zauner 2010, "Implementation and benchmarking of perceptual image hash functions", the DCT hash,
        as in :func:`imagehash.phash`.
    """
    image = Image.fromarray(rgb)
    factor = min(image.size) // SIDE
    if factor > 1:  # a mean over blocks loses nothing that 32 x 32 pixels could hold, and is far cheaper
        image = image.reduce(factor)
    if np.asarray(image.convert("L").resize((32, 32), Image.Resampling.BOX)).std() < _FLAT:
        return None
    bits = imagehash.phash(image).hash.ravel()
    small = image.convert("YCbCr").resize((_GRID, _GRID), Image.Resampling.LANCZOS)
    return Look(int.from_bytes(np.packbits(bits).tobytes(), "big"), small.tobytes())


def as_array(thumbnails: list[bytes]) -> NDArray[np.int16]:
    """Return thumbnails as ``(N, 64, 3)`` int16, whose differences do not wrap around."""
    flat = np.frombuffer(b"".join(thumbnails), dtype=np.uint8)
    return flat.reshape(-1, _GRID * _GRID, 3).astype(np.int16)
