"""GrabCut without a hand: seeded by a soft mask, by a box found automatically, or on a picture with enhanced contours.

Source:
    Rother, Kolmogorov & Blake 2004, "GrabCut: interactive foreground extraction using iterated graph cuts".
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.automatic_box import box_of
from toprung.cutting.band import refine_band
from toprung.cutting.masks.plate_difference import plate_difference
from toprung.cutting.masks.registry import masker
from toprung.cutting.saliency import border_contrast, known_background, soft_seed
from toprung.cutting.scene import RGB, Alpha, Background, Scene

Pixels = NDArray[np.uint8]

_LONGEST = 400  # side of the reduced picture that is cut
_ROUNDS = 4
_FEWEST = 12  # pixels that each side must hold; OpenCV's k-means asserts on fewer than its 5 components
_SURE_FAR = 0.012  # distance from the seed's edge, share of the longer side, beyond which a sure seed is certain
_IN_BOX = 0.25  # seed above which a pixel of the box starts as probable object
_BACKGROUND_FAR = 0.06  # the same for background


@masker("grabcut")
def grabcut(scene: Scene) -> Alpha:
    """Cut from a soft seed: certain where it is sure and far from its edge, probable elsewhere.

    Args:
        scene: the photo, with its background when one is known (else the border's is tried).

    Returns:
        ``(H, W)`` float32 in [0, 1]; 0 everywhere when nothing stands out.
    """
    background, seed = _seeded(scene)
    return _cut(scene.rgb, _picture(scene.rgb, background), _bands(_reduced(seed)), seed)


@masker("grabcut-box")
def grabcut_box(scene: Scene) -> Alpha:
    """Cut from the box of the object: certain background outside it, everything inside open, by colours alone.

    It sees the photo itself, not the difference from the background, so it fails on other pictures than the rest.

    Args:
        scene: the photo, with its background when one is known (else the border's is tried).

    Returns:
        ``(H, W)`` float32 in [0, 1]; 0 everywhere when nothing stands out.
    """
    background = known_background(scene)
    seed = soft_seed(scene, background)
    box = box_of(seed)
    if box is None:
        return np.zeros_like(seed)
    inside = np.zeros_like(seed)
    x, y, width, height = box
    inside[y : y + height, x : x + width] = 1
    labels = np.where(_reduced(seed) > _IN_BOX, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    labels[_reduced(inside) < 0.5] = cv2.GC_BGD
    return _cut(scene.rgb, _picture(scene.rgb, None), labels.astype(np.uint8), seed)


@masker("grabcut-edges")
def grabcut_edges(scene: Scene) -> Alpha:
    """Cut from a soft seed on a picture whose contours are emphasised, so that the cut costs less along them.

    Texture is smoothed away between edges (bilateral filter), then the differences across the edges that stayed are
    enlarged: the mean difference between neighbours, to which GrabCut scales its smoothness cost, falls, while contours
    rise above it.

    Args:
        scene: the photo, with its background when one is known (else the border's is tried).

    Returns:
        ``(H, W)`` float32 in [0, 1]; 0 everywhere when nothing stands out.
    """
    background, seed = _seeded(scene)
    picture = cv2.bilateralFilter(_picture(scene.rgb, background), 7, 18, 4)
    wide = cv2.GaussianBlur(picture, (0, 0), 2.5).astype(np.float32)
    contours = np.clip(picture + 1.5 * (picture - wide), 0, 255).astype(np.uint8)
    return _cut(scene.rgb, contours, _bands(_reduced(seed)), seed)


def _seeded(scene: Scene) -> tuple[Background | None, Alpha]:
    """Return the background that the cut sees, and the seed: its difference, or saliency when there is none."""
    background = known_background(scene)
    if background is None:
        return None, border_contrast(scene.rgb)
    return background, plate_difference(replace(scene, background=background))


def _cut(rgb: RGB, picture: Pixels, labels: Pixels, seed: Alpha) -> Alpha:
    """Run GrabCut on the reduced picture and refine the band about its edge at full scale."""
    object_side = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if np.count_nonzero(object_side) < _FEWEST or np.count_nonzero(~object_side) < _FEWEST:
        # too little to learn colours from: the seed is the answer
        return refine_band(rgb, seed > 0.5, 2.0) if (seed > 0.5).any() else np.zeros_like(seed)
    cut = _grabcut(picture, labels.copy())
    mask = cv2.resize(cut.astype(np.float32), rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR) > 0.5
    return refine_band(rgb, mask, 1.5 + 0.75 * rgb.shape[0] / labels.shape[0])


def _grabcut(picture: Pixels, labels: Pixels) -> NDArray[np.bool_]:
    cv2.setRNGSeed(7)
    started = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
    models = np.zeros((1, 65)), np.zeros((1, 65))
    try:
        cv2.grabCut(picture, labels, (0, 0, 1, 1), *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    except cv2.error:
        # one side lost all its pixels between two rounds: the seed stays
        return started
    return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))


def _bands(seed: Alpha) -> Pixels:
    """Turn a soft seed into GrabCut's four labels by confidence and by distance from the seed's edge."""
    longest = max(seed.shape)
    inside = (seed > 0.5).astype(np.uint8)
    depth = cv2.distanceTransform(np.pad(inside, 1, constant_values=1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    away = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    labels = np.where(seed > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    labels[(seed > 0.95) & (depth > max(1.5, _SURE_FAR * longest))] = cv2.GC_FGD
    labels[(seed < 0.1) & (away > max(1.5, _SURE_FAR * longest))] = cv2.GC_BGD
    labels[away > max(3.0, _BACKGROUND_FAR * longest)] = cv2.GC_BGD
    return labels.astype(np.uint8)


def _picture(rgb: RGB, background: Background | None) -> Pixels:
    """Return the reduced 8-bit picture to cut: colours, or differences from the background where it is known.

    Differences in units of sigma make paper under any light one colour, and a photographic background too; they are
    squeezed by tanh, which keeps what is near the background apart and lets what is far keep its order.
    """
    if background is None:
        return np.asarray(np.clip(_reduced(rgb) * 255 + 0.5, 0, 255), np.uint8)
    scale = 10 * np.sqrt(background.sigma**2 + (2 / 255) ** 2)[..., None]
    difference = np.tanh((rgb - background.rgb) / scale) * background.valid[..., None]
    return np.asarray(np.clip(_reduced(difference.astype(np.float32)) * 127 + 128, 0, 255), np.uint8)


def _reduced(values: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = values.shape[:2]
    shrink = min(1.0, _LONGEST / max(height, width))
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)
