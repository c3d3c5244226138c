"""First guesses of an alignment from matched features."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.align.detail import Plane, equalised, reduce, scaling

Matrix = NDArray[np.float64]


def feature_guess(plate: Plane, photo: Plane, scale: float, count: int = 4000) -> tuple[Matrix, int] | None:
    """Match SIFT features of equalised pictures and fit a homography by MAGSAC.

    Args:
        plate: ``(H, W)`` grey in [0, 1].
        photo: ``(H, W)`` grey.
        scale: at which both are looked at, in (0, 1].
        count: most features of each.

    Returns:
        The matrix plate → photo in full pixels and the number of inliers; None when too few agree.

    Source:
        Lowe 2004, "Distinctive image features"; Barath et al. 2019, "MAGSAC".
    """
    small_plate, small_photo = reduce(plate, scale), reduce(photo, scale)
    sift = cv2.SIFT_create(nfeatures=count, contrastThreshold=0.01, edgeThreshold=20)
    keys_a, marks_a = sift.detectAndCompute(equalised(small_plate), None)
    keys_b, marks_b = sift.detectAndCompute(equalised(small_photo), None)
    if marks_a is None or marks_b is None or min(len(keys_a), len(keys_b)) < 8:
        return None
    pairs = _matches(marks_a, marks_b)
    if len(pairs) < 8:
        return None
    source = np.array([keys_a[a].pt for a, _ in pairs], np.float64)
    target = np.array([keys_b[b].pt for _, b in pairs], np.float64)
    found, mask = cv2.findHomography(source, target, cv2.USAC_MAGSAC, 1.5, maxIters=5000, confidence=0.999)
    if found is None or mask is None or int(mask.sum()) < 8:
        return None
    to_photo = np.linalg.inv(scaling(photo.shape[:2], small_photo.shape[:2]))
    full = to_photo @ np.asarray(found, np.float64) @ scaling(plate.shape[:2], small_plate.shape[:2])
    return full / full[2, 2], int(mask.sum())


def _matches(first: NDArray[np.float32], second: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Return pairs that are each other's nearest and clearly nearer than the next (RootSIFT, Arandjelović 2012)."""
    first, second = _root(first), _root(second)
    likeness = first @ second.T
    best = likeness.argmax(1)
    back = likeness.argmax(0)
    rows = np.arange(len(first))
    top = likeness[rows, best]
    likeness[rows, best] = -1
    runner_up = likeness.max(1)
    clear = np.sqrt(np.maximum(2 - 2 * top, 0)) < 0.86 * np.sqrt(np.maximum(2 - 2 * runner_up, 1e-12))
    keep = clear & (back[best] == rows)
    return [(int(row), int(best[row])) for row in rows[keep]]


def _root(marks: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.sqrt(marks / np.maximum(marks.sum(1, keepdims=True), 1e-6))
