"""Pictures as bytes, for tests."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WRITABLE = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000")


def smooth(height: int = 40, width: int = 60, channels: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    """Return a picture that survives lossy formats well: large soft blots of all brightnesses."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 6, channels), dtype=np.uint8)
    layers = [
        Image.fromarray(coarse[..., c]).resize((width, height), Image.Resampling.BICUBIC) for c in range(channels)
    ]
    return np.stack([np.asarray(layer) for layer in layers], axis=-1)


def encode(picture: Image.Image | NDArray, picture_format: str, **options: Any) -> bytes:
    """Return the content of a file."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = io.BytesIO()
    image.save(file, picture_format, **options)
    return file.getvalue()


def matrix_profile(to_xyz: NDArray[np.float64], gamma: float) -> bytes:
    """Return an ICC v2 profile of an RGB display: values ** gamma, then a matrix to XYZ under D50.

    Source: ICC.1:2001-04, sections 6.1 (header), 6.3.1.2 (three-component matrix-based input), 6.5.3 and 6.5.26.
    """

    def fixed(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(values: NDArray[np.float64]) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(map(fixed, values))

    text = b"a test\0"
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(4 + 4 + 2 + 1 + 67),
        b"cprt": b"text\0\0\0\0" + text,
        b"wtpt": xyz(np.array([0.9642, 1.0, 0.8249])),
        **{name: xyz(to_xyz[:, i]) for i, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(
        ">I4sI4s4s4s12s4s4sII4s8sI12s4s44s",
        *(start + len(body), b"\0" * 4, 0x02400000, b"mntr", b"RGB ", b"XYZ ", bytes(12), b"acsp"),
        *(b"\0" * 4, 0, 0, b"\0" * 4, bytes(8), 1, bytes.fromhex("0000f6d600010000"), b"\0" * 4, bytes(44)),
    )
    fixed_header = bytearray(header)
    fixed_header[68:80] = b"".join(map(fixed, (0.9642, 1.0, 0.8249)))
    return bytes(fixed_header[:128]) + struct.pack(">I", len(tags)) + table + body
