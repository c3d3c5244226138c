"""Opening the photos of a cutout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toprung.cutting.scene import Photo
from toprung.errors import CutoutError
from toprung.images.files import open_rgb


def open_photo(source: str | Path | Image.Image | NDArray) -> Photo:
    """Open a photo of any kind as upright float32 sRGB.

    Args:
        source: a file, a PIL image, or an array ``(H, W)``, ``(H, W, 3)`` or ``(H, W, 4)``: uint8, uint16, or float in
            [0, 1].

    Raises:
        UnreadableImage: the file is not a picture.
        CutoutError: the array is not a picture.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        rgba = np.asarray(source.convert("RGBA"))
        alpha = None if bool((rgba[..., 3] == 255).all()) else rgba[..., 3].astype(np.float32) / 255
        rgb = np.ascontiguousarray(rgba[..., :3], np.float32) / np.float32(255)
        return Photo(rgb, alpha, source.info.get("icc_profile"), 8, "image", None)
    path = Path(source)
    return Photo(open_rgb(path).astype(np.float32) / 255, None, None, 8, path.name, path)


def _from_array(array: NDArray) -> Photo:
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    if array.ndim != 3 or array.shape[2] not in (3, 4) or 0 in array.shape:
        raise CutoutError(f"An array of shape {array.shape} is no picture: give (H, W), (H, W, 3) or (H, W, 4).")
    scale = {"uint8": 255, "uint16": 65535}.get(array.dtype.name, 1)
    values = array.astype(np.float32) / np.float32(scale)
    alpha = values[..., 3] if array.shape[2] == 4 else None
    return Photo(np.ascontiguousarray(values[..., :3]), alpha, None, 16 if scale == 65535 else 8, "array", None)
