"""How unlike the background each pixel is, in standard deviations, with and without allowing for shade."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.align.exposure import TOE
from toprung.cutting.scene import RGB, Background

Floats = NDArray[np.float32]

_FLOOR = 1.2 / 255  # what interreflection and compression add to any noise model
_BLOCK = 8  # pixels, the side of JPEG's blocks
_RIPPLE = 0.015  # standard deviation of JPEG's ripples, share of the contrast nearby
_LIKELY = 2.5  # standard deviations within which a pixel is used to learn the noise
_DARKEST = 0.5  # a shadow leaves at least this share of the encoded value; darker is an object


@dataclass(frozen=True)
class Unlikeness:
    """Distances from the background; about 1 where the background is seen.

    Attributes:
        plain: ``(H, W)`` float32, root mean square over channels, whitened.
        shaded: ``(H, W)`` float32, the same when the background may lie in shadow; never above ``plain``.
        shade: ``(H, W)`` float32, the factor on the background that was allowed, 1 = none.
    """

    plain: Floats
    shaded: Floats
    shade: Floats


def unlikeness(rgb: RGB, background: Background) -> Unlikeness:
    """Measure how unlike its background each pixel is.

    The difference is divided by the background's own sigma, then whitened by the covariance of the channels where
    the background is seen (grain changes brightness, hardly colour, so a small change of colour counts more), at the
    pixel and averaged over a small neighbourhood; the larger of the two counts.

    Args:
        rgb: ``(H, W, 3)`` float32 sRGB.
        background: of the same size; where it is not valid the distances are 0.
    """
    lifted, under = rgb + np.float32(TOE), background.rgb + np.float32(TOE)
    # within a block of JPEG an edge leaves ripples and colour that are no object
    contrast = cv2.dilate(np.abs(rgb - background.rgb).mean(-1), np.ones((2 * _BLOCK + 1, 2 * _BLOCK + 1), np.uint8))
    scale = np.sqrt(background.sigma**2 + _FLOOR**2 + (_RIPPLE * contrast) ** 2)[..., None].astype(np.float32)
    brightness = (under * under).sum(-1)
    shade = np.clip((lifted * under).sum(-1) / np.maximum(brightness, 1e-6), _DARKEST, 1)
    shade = np.asarray(cv2.GaussianBlur(np.asarray(shade, np.float32), (0, 0), 1.5), np.float32)
    plain = _whitened(np.asarray((lifted - under) / scale, np.float32), background.valid)
    shaded = _whitened(np.asarray((lifted - shade[..., None] * under) / scale, np.float32), background.valid)
    return Unlikeness(plain, np.minimum(plain, shaded), shade)


def _whitened(difference: Floats, valid: NDArray[np.bool_]) -> Floats:
    """Return the whitened distance: the larger of the pixel's and its neighbourhood's."""
    soft = cv2.GaussianBlur(difference, (0, 0), 1.3)
    distance = np.maximum(_mahalanobis(difference, valid), _mahalanobis(np.asarray(soft, np.float32), valid))
    return np.where(valid, distance, 0).astype(np.float32)


def _mahalanobis(difference: Floats, valid: NDArray[np.bool_]) -> Floats:
    step = max(1, int(np.sqrt(difference.shape[0] * difference.shape[1] / 60000)))
    seen = difference[::step, ::step][valid[::step, ::step]].astype(np.float64)
    length = np.sqrt((seen**2).mean(-1))
    inliers = seen[length < _LIKELY]
    if len(inliers) < 30:
        return np.asarray(np.sqrt((difference**2).mean(-1)), np.float32)
    covariance = inliers.T @ inliers / len(inliers)
    # directions that hold almost no noise would make every rounding error count
    covariance += 0.12 * np.trace(covariance) / 3 * np.eye(3) + 1e-4 * np.eye(3)
    turn = np.linalg.cholesky(np.linalg.inv(covariance)).astype(np.float32)
    return np.asarray(np.sqrt(((difference @ turn) ** 2).mean(-1)), np.float32)
