"""Sample values of any depth -> 8 bits, scaled and rounded, never clipped or cut."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toprung.errors import UnreadableImage


def from_sixteen_bits(values: NDArray[np.uint16], maximum: int = 65535) -> NDArray[np.uint8]:
    """Return ``round(values * 255 / maximum)``.

    Args:
        values: uint16 of any shape and byte order, at most ``maximum``.
        maximum: value of white: 65535, or 4095 for 12-bit samples.

    Source:
        PNG specification, 3rd ed., 13.12 "Sample depth rescaling": linear, rounded.
    """
    wide = values.astype(np.uint32)
    return np.minimum((wide * 255 + maximum // 2) // maximum, 255).astype(np.uint8)


def from_unit_floats(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return ``round(values * 255)`` for shares in [0, 1]."""
    return np.rint(values.astype(np.float64) * 255).astype(np.uint8)


def from_wide_range(values: NDArray[np.int32] | NDArray[np.float32]) -> NDArray[np.uint8]:
    """Scale samples whose file does not say what white is (32-bit integers and floats).

    White is the least of 1 (floats only), 255 and 65535 that no sample exceeds, so a float picture in
    [0, 1], an 8-bit and a 16-bit picture stored too wide all come out as they were. Samples below 0 or above
    65535 are measurements, not colours: their least becomes black and their greatest white.

    Raises:
        UnreadableImage: a sample is infinite or not a number.
    """
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise UnreadableImage("it holds samples that are infinite or not a number; replace them")
    whites = (1.0, 255.0, 65535.0) if values.dtype.kind == "f" else (255.0, 65535.0)
    white = next((white for white in whites if high <= white), None)
    if low < 0 or white is None:
        shares = (values.astype(np.float64) - low) / max(high - low, np.finfo(np.float64).tiny)
    else:
        shares = values.astype(np.float64) / white
    return from_unit_floats(shares)


def array_to_eight_bits(array: NDArray) -> NDArray[np.uint8]:
    """Return uint8 of the same shape: bool as 0 and 255, uint16 scaled, floats taken as shares of white.

    Raises:
        UnreadableImage: floats outside [0, 1] (usually 0-255 values not divided by 255), or another type.
    """
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint16:
        return from_sixteen_bits(array)
    if array.dtype.kind == "f":
        low, high = float(array.min()), float(array.max())
        if not (low >= 0 and high <= 1):  # also true for NaN
            raise UnreadableImage(
                f"its {array.dtype} values run from {low:g} to {high:g} but must lie in [0, 1]; "
                "divide by 255 or give uint8"
            )
        return from_unit_floats(array)
    raise UnreadableImage(f"its type is {array.dtype}; give uint8, uint16, bool, or floats in [0, 1]")
