"""Resize 8-bit pictures with antialiased filters in NumPy, to the same bits as torch's kernels.

Legend: H × W pixels, L of them along the axis that is resized to n, T taps of the filter, C channels.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Pixels = NDArray[np.uint8]

_MOST_BITS = 22  # of a weight's fraction
_WEIGHT_LIMIT = 1 << 15  # weights are 16-bit integers


def _bilinear(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(1 - np.abs(x), 0.0)


def _bicubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' kernel with a = -1/2."""
    a, x = -0.5, np.abs(x)
    inner = ((a + 2) * x - (a + 3)) * x * x + 1
    outer = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, inner, np.where(x < 2, outer, 0.0))


_FILTERS = {"bilinear": (1, _bilinear), "bicubic": (2, _bicubic)}
"""Interpolation -> half of the filter's width in pixels of the smaller picture, and the filter."""

INTERPOLATIONS = frozenset(_FILTERS)


def resize(pixels: Pixels, height: int, width: int, interpolation: str) -> Pixels:
    """Return ``(height, width, C)`` uint8, first resized along the rows, then along the columns.

    Args:
        pixels: ``(H, W, C)`` uint8; any strides.
        height, width: of the result, in pixels.
        interpolation: ``bilinear`` or ``bicubic``.

    Source:
        Pillow's ``Resample.c`` (filters, fixed point) as torch computes it with weights of 16 bits,
        ``UpSampleKernel.cpp``; a test holds that the bits are the same.
    """
    if pixels.shape[1] != width:
        pixels = _along_first(pixels.transpose(1, 0, 2), width, interpolation).transpose(1, 0, 2)
    if pixels.shape[0] != height:
        pixels = _along_first(pixels, height, interpolation)
    return np.ascontiguousarray(pixels)


def _along_first(pixels: Pixels, size: int, interpolation: str) -> Pixels:
    """Return ``(size, …)`` from ``(L, …)``, both uint8."""
    weights, bits = _weights(pixels.shape[0], size, interpolation)
    sums = weights @ pixels.reshape(pixels.shape[0], -1).astype(np.int32)
    sums += 1 << (bits - 1)  # rounds to the nearest
    sums >>= bits
    np.clip(sums, 0, 255, out=sums)
    return sums.astype(np.uint8).reshape(size, *pixels.shape[1:])


@functools.lru_cache(maxsize=64)
def _weights(length: int, size: int, interpolation: str) -> tuple[csr_array, int]:
    """Return the ``(n, L)`` int32 weights of L pixels in each of n, and how many of their bits are the fraction's."""
    half, shape = _FILTERS[interpolation]
    scale = length / size
    support, sharpness = (half * scale, 1 / scale) if scale >= 1 else (float(half), 1.0)
    taps = np.arange(2 * math.ceil(support) + 1)
    centre = scale * (np.arange(size) + 0.5)
    first = np.maximum((centre - support + 0.5).astype(np.int64), 0)
    behind = np.minimum((centre + support + 0.5).astype(np.int64), length)
    places = first[:, None] + taps
    there = places < behind[:, None]
    values = np.where(there, shape((places - centre[:, None] + 0.5) * sharpness), 0.0)
    total = np.zeros(size)
    for tap in taps:  # in this order, as floating-point sums depend on it
        total += values[:, tap]
    values /= np.where(total == 0, 1.0, total)[:, None]
    bits = _fraction_bits(float(values.max()))
    fixed = np.trunc(values * (1 << bits) + np.copysign(0.5, values)).astype(np.int32)
    starts = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
    return csr_array((fixed[there], places[there], starts), shape=(size, length)), bits


def _fraction_bits(largest: float) -> int:
    """Return with how many bits behind the point the largest weight still fits 16 bits."""
    bits = 0
    while bits < _MOST_BITS and int(0.5 + largest * (1 << (bits + 1))) < _WEIGHT_LIMIT:
        bits += 1
    return bits
