"""Pixels of any of Pillow's modes -> 8-bit colour and alpha."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toprung.images.depth import from_sixteen_bits, from_wide_range

_GREY_MODES = {"1", "L", "LA", "La"}
_PNG_BIT_DEPTH = 24  # place of the byte in the file
_TIFF_BITS_PER_SAMPLE, _TIFF_PHOTOMETRIC, _TIFF_EXTRA_SAMPLES = 258, 262, 338
_TIFF_WHITE_IS_ZERO, _TIFF_ALPHA_MULTIPLIED = 0, 1


def is_sixteen_bit_colour(image: Image.Image, content: bytes) -> bool:
    """Return whether Pillow cuts this 16-bit colour down to its upper bytes.

    Told by the file, not by ``image.tile``: asking a PNG for its orientation may load it, and then that is empty.
    """
    if image.mode not in {"RGB", "RGBA"}:
        return False
    if image.format == "PNG":
        return content[_PNG_BIT_DEPTH] == 16
    tags = getattr(image, "tag_v2", {})
    # OpenCV does not undo the multiplication by alpha.
    return 16 in tags.get(_TIFF_BITS_PER_SAMPLE, ()) and _TIFF_ALPHA_MULTIPLIED not in tags.get(_TIFF_EXTRA_SAMPLES, ())


def sixteen_bit_colour(image: Image.Image, content: bytes) -> NDArray[np.uint8] | None:
    """Return ``(H, W, 3 or 4)`` uint8 RGB or RGBA, of a TIFF upright, of a PNG not; ``None`` where OpenCV cannot."""
    values = stored_sixteen_bits(image, content)
    return None if values is None else from_sixteen_bits(values)


def stored_sixteen_bits(image: Image.Image, content: bytes) -> NDArray[np.uint16] | None:
    """Return the same at the depth of the file, ``(H, W, 3 or 4)`` uint16."""
    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    read = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    if read is None or read.dtype != np.uint16 or read.ndim != 3 or read.shape[2] not in {3, 4}:
        return None
    keeps_alpha = read.shape[2] == 4 and (image.mode == "RGBA" or "transparency" in image.info)
    order = [2, 1, 0, 3] if keeps_alpha else [2, 1, 0]
    return read[..., order].astype(np.uint16, copy=False)


def colour_and_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Split a loaded picture into 8-bit colour (mode L, RGB, CMYK or LAB) and alpha (mode L, or none)."""
    if image.mode.startswith("I;16"):
        return _deep_grey(image)
    if image.mode in {"I", "F"}:
        return _wide_grey(image), None
    if image.has_transparency_data:
        straight = image.convert("LA") if image.mode == "La" else image
        rgba = straight.convert("RGBA")
        colour = rgba.getchannel("R") if image.mode in _GREY_MODES else rgba.convert("RGB")
        return colour, rgba.getchannel("A")
    if image.mode in {"L", "RGB", "CMYK", "LAB"}:
        return image, None
    return image.convert("L" if image.mode == "1" else "RGB"), None


def _deep_grey(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    values, alpha = stored_deep_grey(image)
    return Image.fromarray(from_sixteen_bits(values)), None if alpha is None else Image.fromarray(alpha)


def stored_deep_grey(image: Image.Image) -> tuple[NDArray[np.uint16], NDArray[np.uint8] | None]:
    """Return the ``(H, W)`` uint16 samples of a loaded picture of a mode I;16, white being 65535, and its alpha."""
    stored = np.asarray(image)
    values = stored.astype(np.uint16)
    tags = getattr(image, "tag_v2", {})
    if tags.get(_TIFF_BITS_PER_SAMPLE) == (12,):
        wide = np.minimum(values.astype(np.uint32), 4095)
        values = ((wide * 65535 + 2047) // 4095).astype(np.uint16)
    if tags.get(_TIFF_PHOTOMETRIC) == _TIFF_WHITE_IS_ZERO:
        values = 65535 - values  # Pillow inverts 8-bit samples only
    clear = image.info.get("transparency")
    alpha = np.where(stored == clear, 0, 255).astype(np.uint8) if clear is not None else None
    return values, alpha


def _wide_grey(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if image.mode == "I" and image.format in {"PPM", "PNG"}:
        values = values.astype(np.uint16)  # 16-bit grey, which Pillow widens here
        return Image.fromarray(from_sixteen_bits(values))
    return Image.fromarray(from_wide_range(values))
