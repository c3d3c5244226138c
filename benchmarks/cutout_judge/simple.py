"""Simple cutting methods that stand beside the pipeline's own, so that the judge sees more than one way to fail."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.judge.evidence import Evidence, gather, ramp
from toprung.cutting.judge.view import View
from toprung.cutting.scene import Alpha, Scene

Rng = np.random.Generator


def soft_difference(scene: Scene, rng: Rng) -> Alpha:
    """A ramp on the noise-normalised distance from the background."""
    return _ramped(evidence_of(scene).distance, rng.uniform(2.5, 4), rng)


def eager_difference(scene: Scene, rng: Rng) -> Alpha:
    """The same with a low ramp: keeps shadows."""
    return _ramped(evidence_of(scene).distance, rng.uniform(1, 2), rng)


def shadowless_difference(scene: Scene, rng: Rng) -> Alpha:
    """A ramp on the distance that forgives shadow."""
    return _ramped(evidence_of(scene).tolerant_distance, rng.uniform(2, 4), rng)


def fixed_difference(scene: Scene, rng: Rng) -> Alpha:
    """A fixed threshold on the largest channel difference, as scripts do."""
    low = rng.uniform(0.02, 0.08)
    return np.clip((np.abs(scene.rgb - _behind(scene)).max(2) - low) / 0.08, 0, 1).astype(np.float32)


def grabcut(scene: Scene, rng: Rng) -> Alpha:
    """OpenCV's GrabCut seeded by the shadowless difference."""
    seed = shadowless_difference(scene, rng)
    small = min(1.0, 320 / max(seed.shape))
    size = (round(seed.shape[1] * small), round(seed.shape[0] * small))
    photo = (cv2.resize(scene.rgb, size, interpolation=cv2.INTER_AREA) * 255).astype(np.uint8)
    little = cv2.resize(seed, size, interpolation=cv2.INTER_AREA)
    labels = np.where(little > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[cv2.erode(little, np.ones((7, 7))) > 0.9] = cv2.GC_FGD
    labels[cv2.dilate(little, np.ones((15, 15))) < 0.1] = cv2.GC_BGD
    if not (labels % 2).any() or (labels % 2).all():
        return seed
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(photo, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    except cv2.error:
        return seed
    mask = cv2.resize((labels % 2).astype(np.float32), seed.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return guided(scene.rgb, mask, 3)


def guided_difference(scene: Scene, rng: Rng) -> Alpha:
    """The shadowless difference, smoothed along the photo by a guided filter (He et al. 2010)."""
    return guided(scene.rgb, shadowless_difference(scene, rng), int(rng.integers(2, 10)))


def inverted(scene: Scene, rng: Rng) -> Alpha:
    """In a band about the shadowless difference, the alpha that the colours imply."""
    start = shadowless_difference(scene, rng)
    evidence = gather(scene, {"start": start}, pixels=start.size)
    core = cv2.erode(start, np.ones((5, 5)))
    view = View(evidence, np.asarray(core, np.float32))
    share = view.implied * view.reliability + start * (1 - view.reliability)
    wide = cv2.dilate(start, np.ones((5, 5)))
    return np.clip(np.where(core > 0.9, 1, np.where(wide < 0.1, 0, share)), 0, 1).astype(np.float32)


def guided(rgb: NDArray[np.float32], mask: Alpha, radius: int) -> Alpha:
    """Guided filter with the grey photo as the guide, 1e-4 as the regulariser."""
    grey = rgb.mean(2)
    box = (2 * radius + 1, 2 * radius + 1)
    mean, mean_mask = cv2.blur(grey, box), cv2.blur(mask, box)
    slope = (cv2.blur(grey * mask, box) - mean * mean_mask) / (cv2.blur(grey * grey, box) - mean * mean + 1e-4)
    offset = mean_mask - slope * mean
    return np.clip(cv2.blur(slope, box) * grey + cv2.blur(offset, box), 0, 1).astype(np.float32)


def evidence_of(scene: Scene) -> Evidence:
    """The scene's distances at the photo's own size, as if all were background."""
    height, width = scene.rgb.shape[:2]
    return gather(scene, {"none": np.zeros((height, width), np.float32)}, pixels=height * width)


def _behind(scene: Scene) -> NDArray[np.float32]:
    return evidence_of(scene).background.rgb


def _ramped(distance: NDArray[np.float32], low: float, rng: Rng) -> Alpha:
    alpha = ramp(distance, low, low * rng.uniform(1.3, 3))
    opened = cv2.morphologyEx(alpha, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return np.asarray(cv2.medianBlur(np.minimum(alpha, cv2.dilate(opened, np.ones((3, 3)))).astype(np.float32), 3))


SIMPLE: dict[str, Callable[[Scene, Rng], Alpha]] = {
    "soft_difference": soft_difference,
    "eager_difference": eager_difference,
    "shadowless_difference": shadowless_difference,
    "fixed_difference": fixed_difference,
    "grabcut": grabcut,
    "guided_difference": guided_difference,
    "inverted": inverted,
}
