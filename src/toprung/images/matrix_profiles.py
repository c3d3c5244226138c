"""RGB profiles that are a curve per channel and a matrix: to sRGB and back at any depth, without a table's rounding."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import ImageCms

_STEPS = 65536  # nodes of a sampled curve: every 16-bit value has one
_HEADER = 128
_ROWS = 1 << 18  # pixels converted at a time, so that a large photo needs no second copy in float64

Curve = NDArray[np.float64]  # (65536,): light in [0, 1] of the values 0, 1/65535, ..., 1


@dataclass(frozen=True)
class MatrixSpace:
    """The colour space of a matrix profile.

    Attributes:
        curves: per channel, value -> light, rising.
        to_xyz: ``(3, 3)`` linear RGB -> XYZ under D50.
    """

    curves: tuple[Curve, Curve, Curve]
    to_xyz: NDArray[np.float64]

    def to_srgb(self, values: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.float32]:
        """Return sRGB in [0, 1]; colours that sRGB does not hold are cut at its border, channel by channel.

        Args:
            values: ``(H, W, 3)`` uint8 or uint16, in this space.

        Returns:
            ``(H, W, 3)`` float32; relative colorimetric, as both spaces' black is no light.

        Source: ICC.1:2022, F.3 "Three-component matrix-based profiles"; IEC 61966-2-1 (sRGB).
        """
        width = 257 if values.dtype == np.uint8 else 1
        curves = [curve[::width].astype(np.float32) for curve in self.curves]
        matrix = np.linalg.inv(srgb_space().to_xyz) @ self.to_xyz

        def convert(part: NDArray) -> NDArray:
            linear = np.stack([curve[part[:, channel]] for channel, curve in enumerate(curves)], axis=1)
            return encode_srgb((linear @ matrix.T.astype(np.float32)).clip(0, 1))

        return _by_parts(values, convert)

    def from_srgb(self, rgb: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return values of this space in [0, 1] for ``(H, W, 3)`` float32 sRGB in [0, 1]; the inverse of the above."""
        matrix = np.linalg.inv(self.to_xyz) @ srgb_space().to_xyz
        steps = np.linspace(0, 1, _STEPS)

        def convert(part: NDArray) -> NDArray:
            linear = decode_srgb(part.astype(np.float64)) @ matrix.T
            channels = [np.interp(linear[:, channel], curve, steps) for channel, curve in enumerate(self.curves)]
            return np.stack(channels, axis=1)

        return _by_parts(rgb, convert)


def encode_srgb(linear: NDArray) -> NDArray:
    """Return sRGB values of linear light, both in [0, 1]. Source: IEC 61966-2-1."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def decode_srgb(values: NDArray) -> NDArray:
    """Return linear light of sRGB values, both in [0, 1]. Source: IEC 61966-2-1."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


@functools.lru_cache(maxsize=8)
def read_matrix_profile(profile: bytes) -> MatrixSpace | None:
    """Return the space of an ICC profile, None when it is no RGB profile made of curves and a matrix (or is broken)."""
    try:
        tags = _tags(profile)
        if profile[16:20] != b"RGB " or profile[20:24] != b"XYZ " or tags.keys() & {b"A2B0", b"A2B1", b"A2B2"}:
            return None
        curves = _curve(tags[b"rTRC"]), _curve(tags[b"gTRC"]), _curve(tags[b"bTRC"])
        to_xyz = np.stack([_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")], axis=1)
        np.linalg.inv(to_xyz)
    except (KeyError, ValueError, struct.error, IndexError, np.linalg.LinAlgError):
        return None
    rising = all((np.diff(curve) >= 0).all() and curve[-1] > curve[0] for curve in curves)
    return MatrixSpace(curves, to_xyz) if rising else None


@functools.cache
def srgb_space() -> MatrixSpace:
    """Return sRGB as Little CMS defines it, its white adapted to D50."""
    space = read_matrix_profile(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    assert space is not None
    return space


def _tags(profile: bytes) -> dict[bytes, bytes]:
    """Return tag -> content. Source: ICC.1:2022, 7.3 "Tag table"."""
    (count,) = struct.unpack_from(">I", profile, _HEADER)
    if count > 1000:
        raise ValueError("no tag table")
    found = {}
    for number in range(count):
        name, start, size = struct.unpack_from(">4sII", profile, _HEADER + 4 + 12 * number)
        found[name] = profile[start : start + size]
    return found


def _xyz(content: bytes) -> NDArray[np.float64]:
    """Source: ICC.1:2022, 10.31 "XYZType"."""
    if content[:4] != b"XYZ ":
        raise ValueError("no XYZ")
    return np.array(struct.unpack_from(">3i", content, 8)) / 65536


def _curve(content: bytes) -> Curve:
    """Sample a curve. Source: ICC.1:2022, 10.6 "curveType" and 10.18 "parametricCurveType"."""
    x = np.linspace(0, 1, _STEPS)
    if content[:4] == b"para":
        return _parametric(content, x).clip(0, 1)
    if content[:4] != b"curv":
        raise ValueError("no curve")
    (count,) = struct.unpack_from(">I", content, 8)
    if count == 0:
        return x
    if count == 1:
        return x ** (struct.unpack_from(">H", content, 12)[0] / 256)
    table = np.frombuffer(content, ">u2", count, 12) / 65535
    return np.interp(x, np.linspace(0, 1, count), table)


def _parametric(content: bytes, x: NDArray[np.float64]) -> Curve:
    (kind,) = struct.unpack_from(">H", content, 8)
    g, a, b, c, d, e, f = (*np.array(struct.unpack_from(f">{_PARAMETERS[kind]}i", content, 12)) / 65536, *[0.0] * 7)[:7]
    base = np.maximum(a * x + b, 0)
    if kind == 0:
        return x**g
    if kind == 1:
        return np.where(a * x + b >= 0, base**g, 0)
    if kind == 2:
        return np.where(a * x + b >= 0, base**g + c, c)
    if kind == 3:
        return np.where(x >= d, base**g, c * x)
    return np.where(x >= d, base**g + e, c * x + f)


_PARAMETERS = (1, 3, 4, 5, 7)  # how many numbers each kind of parametric curve has


def _by_parts(values: NDArray, convert: Callable[[NDArray], NDArray]) -> NDArray[np.float32]:
    flat = values.reshape(-1, 3)
    result = np.empty(flat.shape, np.float32)
    for start in range(0, len(flat), _ROWS):
        result[start : start + _ROWS] = convert(flat[start : start + _ROWS])
    return result.reshape(values.shape)
