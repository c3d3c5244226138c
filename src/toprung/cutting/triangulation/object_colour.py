"""What one photo alone says about alpha, once the object's colour nearby is known.

I = alpha F + (1 − alpha) B gives alpha wherever F is known and differs from B. Brightness is stored at full resolution,
colours often are not: this is what makes thin hairs sharp when the two papers differ in colour only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.triangulation.equations import Evidence

Floats = NDArray[np.float32]

_WIDTH = 1.0  # pixels over which the object's colour is taken to be one
_OWN = 0.1  # how much it varies within, sRGB units


def nearby_colour(alpha: Floats, pairs: tuple[tuple[Floats, Floats], ...]) -> tuple[Floats, Floats]:
    """Return F as a pixel's neighbours show it, and how many opaque pixels' worth of them there are.

    Args:
        alpha: ``(H, W)`` float32 in [0, 1].
        pairs: photo and ground of each view, ``(H, W)`` float32 of one channel.
    """
    import cv2

    def around(field: Floats) -> Floats:
        return np.asarray(cv2.GaussianBlur(field, (0, 0), _WIDTH), np.float32)

    mean = sum((photo - (1 - alpha) * ground for photo, ground in pairs), np.float32(0)) / len(pairs)
    weight = around(alpha * alpha)
    return np.asarray(around(alpha * mean) / np.maximum(weight, np.float32(1e-4)), np.float32), weight


def from_colour(
    alpha: Floats, pairs: tuple[tuple[Floats, Floats], ...], noises: tuple[Floats, ...], tilt: Floats
) -> Evidence:
    """Return 1 − alpha as each view's brightness says, together.

    Args:
        alpha: ``(H, W)`` float32 in [0, 1], a first answer.
        pairs: photo and ground of each view, ``(H, W)`` float32.
        noises: variance of photo − ground of each view, ``(H, W)`` float32.
        tilt: ``(H, W)`` float32 square of the encoding's slope.
    """
    colour, weight = nearby_colour(alpha, pairs)
    own = alpha * alpha * np.float32(_OWN**2) * tilt
    total = np.zeros_like(alpha)
    sums = np.zeros_like(alpha)
    for (photo, ground), noise in zip(pairs, noises, strict=True):
        reach = colour - ground
        information = reach * reach / (noise + own) * np.minimum(1, weight * 4)
        through = 1 - np.clip((photo - ground) * reach / np.maximum(reach * reach, np.float32(1e-6)), -0.5, 1.5)
        total += information
        sums += information * through
    return Evidence((sums / np.maximum(total, np.float32(1e-9))).astype(np.float32), total)


def together(one: Evidence, two: Evidence) -> Evidence:
    """Return the mean of two measurements by their information."""
    total = one.information + two.information
    sums = one.through * one.information + two.through * two.information
    return Evidence(sums / np.maximum(total, np.float32(1e-9)), total)
