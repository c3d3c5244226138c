"""TIFF with 16 bits per sample, straight alpha, profile and resolution, which neither Pillow nor OpenCV writes."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_SHORT, _LONG, _RATIONAL, _UNDEFINED = 3, 4, 5, 7
_FORMATS = {_SHORT: "H", _LONG: "I", _RATIONAL: "I", _UNDEFINED: "B"}
_DEFLATE, _HORIZONTAL, _RGB, _STRAIGHT, _INCH = 8, 2, 2, 2, 2
_STRIP = 1 << 20  # bytes of a strip before compression, about


def write_tiff(path: Path, values: NDArray[np.uint16], profile: bytes | None, dpi: tuple[float, float] | None) -> None:
    """Write a picture.

    Args:
        path: of the file.
        values: ``(H, W, 3)`` RGB or ``(H, W, 4)`` with straight alpha, uint16.
        profile: ICC profile, or None.
        dpi: pixels per inch to the right and down, or None.

    Source:
        TIFF 6.0 (1992), sections 2, 8, 14 (differences between neighbours) and 18 (unassociated alpha); Adobe
        Photoshop TIFF Technical Notes (2002) for Deflate; ICC.1:2022 B.4 for the profile's tag.
    """
    height, width, channels = values.shape
    rows = max(1, _STRIP // (width * channels * 2))
    offsets, sizes = [], []
    with path.open("wb") as file:
        file.write(b"II*\0\0\0\0\0")
        for start in range(0, height, rows):
            strip = zlib.compress(_differences(values[start : start + rows]).tobytes(), 6)
            offsets.append(file.tell())
            sizes.append(len(strip))
            file.write(strip)
        tags: dict[int, tuple[int, list[int] | bytes]] = {
            256: (_LONG, [width]),
            257: (_LONG, [height]),
            258: (_SHORT, [16] * channels),
            259: (_SHORT, [_DEFLATE]),
            262: (_SHORT, [_RGB]),
            273: (_LONG, offsets),
            277: (_SHORT, [channels]),
            278: (_LONG, [rows]),
            279: (_LONG, sizes),
            284: (_SHORT, [1]),
            317: (_SHORT, [_HORIZONTAL]),
        }
        if dpi is not None:
            tags |= {282: (_RATIONAL, _rational(dpi[0])), 283: (_RATIONAL, _rational(dpi[1])), 296: (_SHORT, [_INCH])}
        if channels == 4:
            tags[338] = (_SHORT, [_STRAIGHT])
        if profile is not None:
            tags[34675] = (_UNDEFINED, profile)
        directory, start = _directory(tags, file.tell())
        file.write(directory)
        file.seek(4)
        file.write(struct.pack("<I", start))


def _directory(tags: dict[int, tuple[int, list[int] | bytes]], place: int) -> tuple[bytes, int]:
    """Return the long values and, behind them, the directory that points at them; and where the directory starts."""
    body, entries = b"\0" * (place % 2), b""
    for tag, (kind, numbers) in sorted(tags.items()):
        content = struct.pack(f"<{len(numbers)}{_FORMATS[kind]}", *numbers)
        count = len(numbers) // 2 if kind == _RATIONAL else len(numbers)
        where = content.ljust(4, b"\0")
        if len(content) > 4:
            where = struct.pack("<I", place + len(body))
            body += content + b"\0" * (len(content) % 2)
        entries += struct.pack("<HHI", tag, kind, count) + where
    return body + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0", place + len(body)


def _differences(values: NDArray[np.uint16]) -> NDArray[np.uint16]:
    result = values.astype("<u2")
    result[:, 1:] -= values[:, :-1]
    return result


def _rational(value: float) -> list[int]:
    fraction = Fraction(value).limit_denominator(10_000)
    return [fraction.numerator, fraction.denominator]
