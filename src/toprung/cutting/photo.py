"""Opening the photos of a cutout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toprung.cutting.scene import Photo
from toprung.errors import CutoutError, UnreadableImage
from toprung.images.files import identify, read_content
from toprung.images.originals import Original, decode_original

_WHITE = {"uint8": 255, "uint16": 65535, "bool": 1}


def open_photo(source: str | Path | Image.Image | NDArray) -> Photo:
    """Open a photo of any kind as upright float32 sRGB.

    Files and PIL images are decoded as :func:`toprung.images.originals.decode_original` says: EXIF orientation is
    applied, a colour profile is converted to sRGB and kept, grey and palette and CMYK become RGB, 16 bits stay.

    Args:
        source: a file, a PIL image, or an array ``(H, W)``, ``(H, W, 1)``, ``(H, W, 3)`` sRGB or ``(H, W, 4)`` with
            straight alpha: uint8, uint16, bool, or float in [0, 1]. Floats count as 16 bits.

    Raises:
        UnreadableImage: the file is missing, damaged, cut off, too large or no picture; the message says which.
        CutoutError: the array is no picture.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return _photo(_decoded(source, None, "the PIL image"), "image", None)
    path = Path(source)
    try:
        content = read_content(path)
        with identify(content) as image:
            original = decode_original(image, content)
    except UnreadableImage as error:
        raise UnreadableImage(f"cannot read {path}: {error}.") from error
    return _photo(original, path.name, path)


def _decoded(image: Image.Image, content: bytes | None, name: str) -> Original:
    try:
        return decode_original(image, content)
    except UnreadableImage as error:
        raise UnreadableImage(f"cannot read {name}: {error}.") from error


def _photo(original: Original, name: str, path: Path | None) -> Photo:
    return Photo(
        original.rgb,
        original.alpha,
        original.profile,
        original.bits,
        name,
        path,
        samples=original.samples,
        dpi=original.dpi,
    )


def _from_array(array: NDArray) -> Photo:
    if array.ndim not in {2, 3} or 0 in array.shape or (array.ndim == 3 and array.shape[2] not in {1, 3, 4}):
        raise CutoutError(
            f"an array of shape {array.shape} is no picture; give (H, W), or (H, W, C) with 1, 3 or 4 channels last."
        )
    values = _shares(array)
    if values.ndim == 2:
        values = values[..., None]
    alpha = np.ascontiguousarray(values[..., 3]) if values.shape[2] == 4 else None
    if alpha is not None and bool((alpha == 1).all()):
        alpha = None
    colours = np.broadcast_to(values, (*values.shape[:2], 3)) if values.shape[2] == 1 else values[..., :3]
    bits = 16 if array.dtype == np.uint16 or array.dtype.kind == "f" else 8
    return Photo(np.ascontiguousarray(colours), alpha, None, bits, "array", None)


def _shares(array: NDArray) -> NDArray[np.float32]:
    """Return values in [0, 1], a new array."""
    if array.dtype.kind != "f":
        if array.dtype.name not in _WHITE:
            raise CutoutError(f"an array of {array.dtype} is no picture; give uint8, uint16, bool, or float in [0, 1].")
        return array.astype(np.float32) / np.float32(_WHITE[array.dtype.name])
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= 1):  # also true for NaN
        raise CutoutError(
            f"the array's {array.dtype} values run from {low!r} to {high!r} but must lie in [0, 1]; "
            "divide by 255, clip, or give uint8."
        )
    return array.astype(np.float32)
