"""PNG of 8 or 16 bits with profile and resolution: pixels by OpenCV, the rest put in beside them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.errors import CutoutError

_HEAD = 33  # signature and IHDR
_INCH = 0.0254  # metres


def write_png(
    path: Path,
    values: NDArray[np.uint8] | NDArray[np.uint16],
    profile: bytes | None,
    dpi: tuple[float, float] | None,
) -> None:
    """Write a picture.

    Args:
        path: of the file.
        values: ``(H, W, 3)`` RGB or ``(H, W, 4)`` with straight alpha, uint8 or uint16.
        profile: ICC profile, or None.
        dpi: pixels per inch to the right and down, or None.

    Raises:
        CutoutError: PNG does not hold a picture of this size.

    Source: PNG specification, 3rd ed., 11.3.2.3 (iCCP) and 11.3.4.3 (pHYs).
    """
    order = cv2.COLOR_RGBA2BGRA if values.shape[2] == 4 else cv2.COLOR_RGB2BGR
    done, encoded = cv2.imencode(".png", cv2.cvtColor(values, order), [cv2.IMWRITE_PNG_COMPRESSION, 6])
    if not done:
        raise CutoutError(f"{path.name} of {values.shape[1]} x {values.shape[0]} pixels cannot be a PNG; take tiff.")
    content = memoryview(encoded.tobytes())
    with path.open("wb") as file:
        file.write(content[:_HEAD])
        if profile is not None:
            file.write(_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(profile)))
        if dpi is not None:
            file.write(_chunk(b"pHYs", struct.pack(">IIB", round(dpi[0] / _INCH), round(dpi[1] / _INCH), 1)))
        file.write(content[_HEAD:])


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
