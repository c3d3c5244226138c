"""The perceptual difference to the plate, and the trimap that the peers behind it share."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.cutout_peers.inputs import PlateCase


def distance(case: PlateCase) -> NDArray[np.float32]:
    """CIE 1976 colour difference of photo and plate, lightly blurred: ``(H, W)``."""
    photo = cv2.cvtColor(case.photo.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    plate = cv2.cvtColor(case.plate, cv2.COLOR_RGB2Lab)
    found = cv2.GaussianBlur(np.linalg.norm(photo - plate, axis=2), (0, 0), 1.0)
    return np.where(case.valid, found, 0).astype(np.float32)


def soft(case: PlateCase) -> NDArray[np.float32]:
    """0 up to three times the noise, 1 from ten times on."""
    found = distance(case)
    quiet = found[case.valid]
    noise = max(float(np.median(quiet[quiet <= np.median(quiet) * 2])), 0.5)
    return np.clip((found - 3 * noise) / (7 * noise), 0, 1).astype(np.float32)


def trimap(mask: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """0, 0.5 and 1 from a soft mask: unknown within ``reach`` pixels of its edge."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    sure = cv2.erode((mask > 0.9).astype(np.uint8), kernel)
    perhaps = cv2.dilate((mask > 0.1).astype(np.uint8), kernel)
    return np.where(sure > 0, 1.0, np.where(perhaps > 0, 0.5, 0.0)).astype(np.float32)


def cleaned(mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """A soft mask without specks and pinholes of a few pixels."""
    kernel = np.ones((3, 3), np.uint8)
    return cv2.morphologyEx(cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel), cv2.MORPH_CLOSE, kernel)
