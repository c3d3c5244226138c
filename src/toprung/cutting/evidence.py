"""Evidence that a pixel is not background: how its colour differs from the expected one, when shadows are allowed for.

All is done on log((s + 0.055) / (b + 0.055)) of encoded photo s and background b: light that is dimmed by a factor moves
all three channels by the same amount there (see :mod:`toprung.cutting.align.exposure`), so a shadow is a step along
(1, 1, 1), and what is left across it is a difference of colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.scene import RGB, Background

Plane = NDArray[np.float32]
_TOE = np.float32(0.055)


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


def evidence(rgb: RGB, background: Background, smooth: float = 1.0) -> Evidence:
    """Measure the evidence.

    Args:
        rgb: ``(H, W, 3)`` sRGB photo.
        background: in the same frame.
        smooth: standard deviation in pixels of the Gaussian that gathers evidence from neighbours.
    """
    ratio = np.log((np.maximum(rgb, 0) + _TOE) / (np.maximum(background.rgb, 0) + _TOE))
    ratio = cv2.GaussianBlur(ratio, (0, 0), smooth)
    level = background.rgb.mean(2) + _TOE
    noise = background.sigma / level
    noise = noise * _calibration(ratio, noise, background.valid)
    light = ratio.mean(2)
    across = ratio - light[..., None]
    tint = np.sqrt((across**2).sum(2)) / noise
    light_sigma = noise / np.sqrt(np.float32(3)) * 1.5
    likelihood = _likelihood(tint, light, light_sigma)
    likelihood[~background.valid] = 0
    return Evidence(ratio, tint, light, light_sigma, noise, likelihood, background.valid)


def _calibration(ratio: RGB, noise: Plane, valid: NDArray[np.bool_]) -> np.float32:
    """Return the factor by which smoothing (and correlated noise) changes the background's noise."""
    across = ratio - ratio.mean(2, keepdims=True)
    step = max(1, int(np.sqrt(noise.size / 100_000)))
    scaled = (np.sqrt((across**2).sum(2)) / noise)[::step, ::step][valid[::step, ::step]]
    if scaled.size < 50:
        return np.float32(1)
    # two degrees of freedom: the lower quartile of their root is 0.759 standard deviations
    return np.float32(np.clip(np.quantile(scaled, 0.25) / 0.759, 0.15, 2.0))


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
