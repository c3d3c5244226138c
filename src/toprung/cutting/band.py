"""A hard mask into a soft one: alpha in a narrow band about its edge from the colours on both sides."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.scene import RGB, Alpha

_DIFFERENT = 0.08  # sRGB distance of the two sides' colours at which they are trusted by half


def refine_band(rgb: RGB, mask: NDArray[np.bool_], half_width: float) -> Alpha:
    """Refine the edge of a mask at full scale.

    In the band within ``half_width`` pixels of the edge, F and B are the mean colours of the object and of the
    background just beyond it, and alpha is the place of the pixel's colour between them; where F and B are alike, the
    distance from the edge decides instead.

    Args:
        rgb: ``(H, W, 3)`` float32 sRGB.
        mask: ``(H, W)`` bool.
        half_width: of the band, in pixels.

    Returns:
        ``(H, W)`` float32 in [0, 1]: the mask itself outside the band.
    """
    alpha = mask.astype(np.float32)
    if mask.all() or not mask.any():
        return alpha
    rows, columns = _window(mask, round(6 * half_width) + 4)
    colours, inside = rgb[rows, columns], mask[rows, columns].astype(np.uint8)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    depth = depth - np.sign(depth) * 0.5  # pixels from the edge, positive inside
    band = np.abs(depth) < half_width
    front = _mean_colour(colours, depth >= half_width, 2 * half_width)
    back = _mean_colour(colours, depth <= -half_width, 2 * half_width)
    # where a part is thinner than the band its own core stands for F, and likewise for a gap
    front = np.where(front[..., 3:] > 1e-3, front, _mean_colour(colours, inside > 0, half_width))
    back = np.where(back[..., 3:] > 1e-3, back, _mean_colour(colours, inside == 0, half_width))
    across = front[..., :3] - back[..., :3]
    length = (across**2).sum(-1)
    by_colour = np.clip(((colours - back[..., :3]) * across).sum(-1) / np.maximum(length, 1e-6), 0, 1)
    by_distance = np.clip(0.5 + depth / 2, 0, 1)
    trust = length / (length + _DIFFERENT**2)
    soft = trust * by_colour + (1 - trust) * by_distance
    alpha[rows, columns] = np.where(band, soft, inside).astype(np.float32)
    return alpha


def _window(mask: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    """Return the rows and columns about the mask."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return slice(max(0, y - margin), y + height + margin), slice(max(0, x - margin), x + width + margin)


def _mean_colour(colours: RGB, where: NDArray[np.bool_], reach: float) -> NDArray[np.float32]:
    """Return ``(H, W, 4)``: the mean colour of the pixels in ``where`` near each pixel, and how many are near."""
    share = where.astype(np.float32)[..., None]
    sums = cv2.GaussianBlur(np.concatenate([colours * share, share], axis=2), (0, 0), reach)
    return np.concatenate([sums[..., :3] / np.maximum(sums[..., 3:], 1e-6), sums[..., 3:]], axis=2)
