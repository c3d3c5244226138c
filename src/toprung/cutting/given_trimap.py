"""A trimap that the user gives: black is background, white is object, grey is to be found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toprung.cutting.photo import open_photo
from toprung.cutting.trimap import BACKGROUND, OBJECT, UNKNOWN, Trimap
from toprung.errors import CutoutError


def open_trimap(source: str | Path | Image.Image | NDArray, height: int, width: int) -> Trimap:
    """Open a trimap of a photo's size: values up to 5 % are background, from 95 % object, between unknown.

    Raises:
        CutoutError: it has another size, or marks neither object nor background.
        UnreadableImage: the file is not a picture.
    """
    photo = open_photo(source)
    grey = photo.rgb.mean(2)
    if grey.shape != (height, width):
        raise CutoutError(
            f"The trimap {photo.name} is {grey.shape[1]} × {grey.shape[0]} and the photo {width} × {height}: give one "
            "of the photo's size."
        )
    trimap = np.full(grey.shape, UNKNOWN, np.uint8)
    trimap[grey <= 0.05] = BACKGROUND
    trimap[grey >= 0.95] = OBJECT
    if (trimap == UNKNOWN).all():
        raise CutoutError(f"The trimap {photo.name} is grey everywhere: paint some object white and background black.")
    return trimap
