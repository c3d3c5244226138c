"""Evidence that a pixel is not background: how its colour differs from the expected one, when shadows are allowed for.

All is done on log((s + 0.055) / (b + 0.055)) of encoded photo s and background b: light that is dimmed by a factor
moves
all three channels by the same amount there (see :mod:`toprung.cutting.align.exposure`), so a shadow is a step along
(1, 1, 1), and what is left across it is a difference of colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.align.exposure import TOE
from toprung.cutting.scene import RGB, Background

Plane = NDArray[np.float32]
_TOE = np.float32(TOE)


@dataclass(frozen=True)
class Evidence:
    """What speaks for object and for background, pixel by pixel.

    Attributes:
        ratio: ``(H, W, 3)`` log ratio photo / background, smoothed.
        tint: ``(H, W)`` distance across the shadow's direction, in standard deviations.
        light: ``(H, W)`` log factor along it: below 0 is darker than the background.
        light_sigma: its standard deviation on background.
        noise: ``(H, W)`` standard deviation of one channel of ``ratio``.
        likelihood: ``(H, W)`` log likelihood ratio object : background, in nats, clipped to ±12.
        valid: ``(H, W)`` bool, where the background is known.
    """

    ratio: RGB
    tint: Plane
    light: Plane
    light_sigma: Plane
    noise: Plane
    likelihood: Plane
    valid: NDArray[np.bool_]


# JPEG keeps colour at half the resolution in blocks of 16 pixels and rounds it coarsely: an object's tint bleeds into
# the whole block, and on plain paper the tint steps by about one level.
# A shadow's own tint (the sky's light in it, a screen's black point) grows with its depth.
_SHADE_TINT = np.float32(0.08)
_BLEED, _RINGING, _TINT_FLOOR = 12, 0.08, np.float32(1.2 / 255)


def evidence(rgb: RGB, background: Background, smooth: float = 1.0, scale: float = 1.0) -> Evidence:
    """Measure the evidence.

    Args:
        rgb: ``(H, W, 3)`` sRGB photo.
        background: in the same frame.
        smooth: standard deviation in pixels of the Gaussian that gathers evidence from neighbours.
        scale: pixels of the photo to one pixel here.
    """
    ratio = np.log((np.maximum(rgb, 0) + _TOE) / (np.maximum(background.rgb, 0) + _TOE))
    ratio = cv2.GaussianBlur(ratio, (0, 0), smooth)
    noise = background.sigma / (background.rgb.mean(2) + _TOE)
    light = ratio.mean(2)
    tint = np.sqrt(((ratio - light[..., None]) ** 2).sum(2))
    side = 2 * max(1, round(_BLEED / scale)) + 1
    around = cv2.dilate(np.minimum(tint, 1), np.ones((side, side), np.uint8))
    unit = noise * _spread(tint / noise, background.valid, _RAYLEIGH)
    floor = _TINT_FLOOR / (background.rgb.mean(2) + _TOE)
    shade = _SHADE_TINT * np.maximum(-light, 0)
    tint = tint / np.sqrt(unit**2 + floor**2 + shade**2 + (_RINGING * around) ** 2)
    light_sigma = noise * _spread(np.abs(light) / noise, background.valid, _HALF_NORMAL)
    likelihood = _likelihood(tint, light, light_sigma)
    likelihood[~background.valid] = 0
    return Evidence(ratio, tint, light, light_sigma, noise, likelihood, background.valid)


# 97 % quantiles of a standard Rayleigh (the length of two Gaussians) and of a half-normal variable
_RAYLEIGH, _HALF_NORMAL = 2.648, 2.170


def _spread(scaled: Plane, valid: NDArray[np.bool_], quantile: float) -> np.float32:
    """Return the factor by which correlated noise (JPEG's blocks, smoothing) differs from the noise of single pixels.

    It is read in the quieter half of the picture's blocks, at the 97 % quantile, as false alarms live in the tail.
    """
    side = max(2, min(scaled.shape) // 24)
    rows, columns = scaled.shape[0] // side, scaled.shape[1] // side
    cut = np.where(valid, scaled, np.nan)[: rows * side, : columns * side].reshape(rows, side, columns, side)
    blocks = cut.transpose(0, 2, 1, 3).reshape(rows * columns, side * side)
    blocks = blocks[~np.isnan(blocks).any(1)]
    if len(blocks) < 8:
        return np.float32(1)
    level = np.quantile(blocks, 0.9, axis=1)
    quiet = blocks[level <= np.quantile(level, 0.6)]
    return np.float32(np.clip(np.quantile(quiet, 0.97) / quantile, 0.1, 6.0))


def _likelihood(tint: Plane, light: Plane, light_sigma: Plane) -> Plane:
    """Log likelihood ratio of object against background or shadowed background."""
    tinted = 0.5 * np.minimum(tint, 12) ** 2
    unlit = light / light_sigma
    plain = 0.5 * np.minimum(unlit**2, 60)
    # a shadow: any darkening down to about half the light, which log factor is -0.3; deeper ones are ever less likely
    depth = np.maximum(-light - 0.3, 0) / 0.05
    shade = np.where(light < 0, 2.2 + 0.5 * np.minimum(depth**2, 40), 40)
    gleam = np.where(light > 0, 3.0 + 0.5 * np.minimum((light / 0.03) ** 2, 40), 40)
    against = tinted + np.minimum(plain, np.minimum(shade, gleam))
    return np.clip(against - 6.0, -12, 12).astype(np.float32)
