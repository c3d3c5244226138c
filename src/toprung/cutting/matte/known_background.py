"""Alpha of single pixels when the background behind each is known.

I = αF + (1 − α)B with I and B given: for each of some likely object colours F (those nearby, and the object's palette)
alpha is the projection of I − B onto F − B, and the colour whose line passes nearest to I is believed (Wang & Cohen
2007, "Optimized color sampling for robust matting", with the background's sample replaced by the truth).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.scene import RGB

_PALETTE = 10


def known_background_alpha(
    rgb: RGB, background: RGB, sigma: NDArray[np.float32], sure: NDArray[np.bool_], unknown: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return alpha and confidence of the unknown pixels.

    Args:
        rgb: ``(H, W, 3)`` the photo.
        background: ``(H, W, 3)`` what is behind it.
        sigma: ``(H, W)`` standard deviation of photo − background on background.
        sure: ``(H, W)`` bool, surely object: its colours are the samples.
        unknown: ``(H, W)`` bool.

    Returns:
        ``(n,)`` alpha in [0, 1] and ``(n,)`` confidence in [0, 1] of the n unknown pixels, in row order.
    """
    colour, behind = rgb[unknown].astype(np.float64), background[unknown].astype(np.float64)
    noise = np.maximum(sigma[unknown].astype(np.float64), 1.5 / 255)
    least = _least_alpha(colour, behind, noise)
    if not sure.any():
        return least.astype(np.float32), np.full(len(least), 0.05, np.float32)
    best_alpha = least.copy()
    best_cost = np.full(len(colour), np.inf)
    best_reach = np.zeros(len(colour))
    for samples, toll in _samples(rgb, sure, unknown):
        span = samples - behind
        reach = (span**2).sum(1) + 1e-9
        alpha = np.clip(((colour - behind) * span).sum(1) / reach, 0, 1)
        off = ((colour - behind - alpha[:, None] * span) ** 2).sum(1) / noise**2
        cost = off + toll
        better = cost < best_cost
        best_alpha[better], best_cost[better], best_reach[better] = alpha[better], cost[better], reach[better]
    alpha = np.maximum(best_alpha, least)
    certain = best_reach / (best_reach + (6 * noise) ** 2)
    fit = np.exp(-np.minimum(best_cost, 60) / 40)
    return alpha.astype(np.float32), (certain * fit).astype(np.float32)


def _samples(rgb: RGB, sure: NDArray[np.bool_], unknown: NDArray[np.bool_]) -> list[tuple[NDArray, float]]:
    """Return likely object colours of each unknown pixel with their toll: what is nearer is likelier."""
    samples: list[tuple[NDArray, float]] = []
    _, labels = cv2.distanceTransformWithLabels(
        (~sure).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    order = np.zeros(int(labels.max()) + 1, np.int64)
    order[labels[sure]] = np.flatnonzero(sure)
    flat = rgb.reshape(-1, 3)
    samples.append((flat[order[labels[unknown]]].astype(np.float64), 0.0))
    weight = sure.astype(np.float32)
    for spread, toll in ((2.0, 0.0), (6.0, 1.0), (20.0, 2.0)):
        step = max(1, int(spread / 4))
        size = (max(1, rgb.shape[1] // step), max(1, rgb.shape[0] // step))
        small = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
        total = cv2.resize(rgb * weight[..., None], size, interpolation=cv2.INTER_AREA)
        near = cv2.GaussianBlur(small, (0, 0), spread / step)
        mean = cv2.GaussianBlur(total, (0, 0), spread / step) / np.maximum(near, 1e-6)[..., None]
        mean = cv2.resize(mean, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)[unknown].astype(np.float64)
        samples.append((mean, toll))
    samples.extend((np.broadcast_to(shade, mean.shape), 6.0) for shade in _palette(flat[sure.ravel()]))
    return samples


def _palette(colours: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the object's main colours by k-means, the same for the same pixels."""
    count = min(_PALETTE, len(colours))
    step = max(1, len(colours) // 4000)
    chosen = np.ascontiguousarray(colours[::step], np.float32)
    if len(chosen) <= count:
        return chosen.astype(np.float64)
    cv2.setRNGSeed(0)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 12, 1e-3)
    _, _, centres = cv2.kmeans(chosen, count, None, criteria, 1, cv2.KMEANS_PP_CENTERS)
    return centres.astype(np.float64)


def _least_alpha(colour: NDArray, behind: NDArray, noise: NDArray) -> NDArray:
    """Return the least alpha for which some object colour in [0, 1] explains the pixel, less three sigma."""
    margin = 3 * noise[:, None]
    above = (colour - behind - margin) / np.maximum(1 - behind, 1e-3)
    below = (behind - colour - margin) / np.maximum(behind, 1e-3)
    return np.clip(np.maximum(above, below).max(1), 0, 1)
