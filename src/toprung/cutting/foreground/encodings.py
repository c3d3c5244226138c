"""The two ways in which a picture's colours are mixed: in linear light (a lens), or as encoded values (software)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.foreground.fill import fill
from toprung.cutting.scene import RGB, Alpha
from toprung.errors import CutoutError, nearest

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Encoding:
    """Values in which a mixed pixel is alpha · object + (1 − alpha) · background.

    Attributes:
        mixed: sRGB in [0, 1] → those values.
        encoded: the inverse.
        slope: derivative of ``mixed`` at an sRGB value, to carry noise over.
    """

    mixed: Callable[[Floats], Floats]
    encoded: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]


def _to_linear(srgb: Floats) -> Floats:
    high = np.maximum(srgb, np.float32(0.04045))
    return np.where(srgb <= 0.04045, srgb / 12.92, ((high + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _to_srgb(linear: Floats) -> Floats:
    high = np.maximum(linear, np.float32(0.0031308))
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * high ** (1 / 2.4) - 0.055).astype(np.float32)


def _linear_slope(srgb: Floats) -> Floats:
    high = np.maximum(srgb, np.float32(0.04045))
    slope = np.where(srgb <= 0.04045, 1 / 12.92, 2.4 / 1.055 * ((high + 0.055) / 1.055) ** 1.4)
    return slope.astype(np.float32)


def _same(values: Floats) -> Floats:
    return values


ENCODINGS: Mapping[str, Encoding] = MappingProxyType(
    {
        "linear": Encoding(_to_linear, _to_srgb, _linear_slope),
        "gamma": Encoding(_same, _same, np.ones_like),
    }
)
"""Name → how pixels are mixed. Source: IEC 61966-2-1 (sRGB)."""


def encoding_of(name: str) -> Encoding:
    """Return an encoding by name.

    Raises:
        CutoutError: there is none of that name.
    """
    if name not in ENCODINGS:
        known = ", ".join(ENCODINGS)
        raise CutoutError(f"There is no encoding {name!r}: take one of {known}.{nearest(name, ENCODINGS)}")
    return ENCODINGS[name]


def likely_encoding(rgb: RGB, alpha: Alpha, background: RGB) -> str:
    """Return the encoding in which the mixed pixels agree best with the colours on both their sides.

    Where the object's colour, continued outwards, and the background are known, alpha says what a mixed pixel must look
    like in linear light and what on encoded values; the two differ by up to 0.15 and the photo shows which it is.

    Args:
        rgb: ``(H, W, 3)`` float32 sRGB.
        alpha: ``(H, W)`` float32, close to the truth.
        background: ``(H, W, 3)`` float32 sRGB, under the mixed pixels too.

    Returns:
        A name in :data:`ENCODINGS`; "linear", as lenses do, where no pixel tells.
    """
    misfit = {name: mixing_misfit(rgb, alpha, background, way) for name, way in ENCODINGS.items()}
    return min(misfit, key=misfit.__getitem__)


def mixing_misfit(rgb: RGB, alpha: Alpha, background: RGB, way: Encoding) -> float:
    """Return how far, on average and at most 0.1, mixed pixels are from the mixture of what lies on both their sides.

    Args:
        rgb: ``(H, W, 3)`` float32 sRGB.
        alpha: ``(H, W)`` float32.
        background: ``(H, W, 3)`` float32 sRGB.
        way: the encoding in which to mix.

    Returns:
        In [0, 0.1] of sRGB; 0 where no pixel tells.
    """
    most = float(alpha.max(initial=0))
    dense = alpha > 0.97 * most
    rows, columns = np.nonzero((alpha > 0.2 * most) & (alpha < 0.85 * most))
    if not rows.size or most < 0.1:
        return 0.0
    few = slice(None, None, max(1, rows.size // 20000))
    rows, columns = rows[few], columns[few]
    seen, under, share = rgb[rows, columns], background[rows, columns], alpha[rows, columns][:, None]
    own, mixed = alpha[dense][:, None], np.zeros_like(rgb)
    mixed[dense] = (way.mixed(rgb[dense]) - (1 - own) * way.mixed(background[dense])) / own
    front = np.clip(fill(mixed, dense.astype(np.float32))[rows, columns], 0, 1)
    expected = way.encoded(share * front + (1 - share) * way.mixed(under))
    return float(np.minimum(np.abs(expected - seen).mean(axis=1), 0.1).mean())
