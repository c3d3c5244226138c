"""File formats of a cutout by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toprung.cutting.output.png import write_png
from toprung.cutting.output.tiff import write_tiff
from toprung.errors import CutoutError, nearest

_WEBP_SIDE = 16383


class Writer(Protocol):
    """Writes ``(H, W, 3)`` or ``(H, W, 4)`` samples with straight alpha, a profile and a resolution to a file."""

    def __call__(self, path: Path, values: NDArray, profile: bytes | None, dpi: tuple[float, float] | None, /) -> None:
        """Write the file."""


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        extension: with the dot.
        bits: per sample, 8 or 16.
        write: the writer.
    """

    extension: str
    bits: int
    write: Writer


def write_webp(path: Path, values: NDArray[np.uint8], profile: bytes | None, dpi: tuple[float, float] | None) -> None:
    """Write lossless WebP, which also keeps the colours under alpha 0; it has no place for ``dpi``.

    Raises:
        CutoutError: a side is longer than WebP allows.
    """
    height, width = values.shape[:2]
    if max(height, width) > _WEBP_SIDE:
        raise CutoutError(f"{width} x {height} pixels are more than WebP holds ({_WEBP_SIDE} a side); take png.")
    picture = Image.fromarray(values)
    picture.save(path, "WEBP", lossless=True, exact=True, quality=50, method=2, icc_profile=profile or b"")


FORMATS = {
    "png": Format(".png", 8, write_png),
    "png16": Format(".png", 16, write_png),
    "webp": Format(".webp", 8, write_webp),
    "tiff": Format(".tif", 16, write_tiff),
}


def find_format(name: str) -> Format:
    """Return one format.

    Raises:
        CutoutError: there is none of this name.
    """
    if name not in FORMATS:
        raise CutoutError(f"no format is called '{name}'.{nearest(name, FORMATS)} Known: {', '.join(FORMATS)}.")
    return FORMATS[name]
