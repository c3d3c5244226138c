"""From described points to a homography: what the feature peers share."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def grey(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Greyscale."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


def homography(
    detector: cv2.Feature2D,
    norm: int,
    plate: NDArray[np.uint8],
    photo: NDArray[np.uint8],
    estimator: int,
    reach: float = 3.0,
) -> NDArray[np.float64] | None:
    """Match with Lowe's ratio of 0.75 and estimate plate → photo.

    Args:
        detector: finds and describes points.
        norm: of the descriptors' distance.
        plate, photo: grey.
        estimator: ``cv2.RANSAC`` or ``cv2.USAC_MAGSAC``.
        reach: inliers' greatest distance in pixels.
    """
    first, first_words = detector.detectAndCompute(plate, None)
    second, second_words = detector.detectAndCompute(photo, None)
    if first_words is None or second_words is None or len(first) < 4 or len(second) < 4:
        return None
    pairs = cv2.BFMatcher(norm).knnMatch(first_words, second_words, k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < 0.75 * pair[1].distance]
    if len(good) < 4:
        return None
    source = np.float32([first[match.queryIdx].pt for match in good])
    target = np.float32([second[match.trainIdx].pt for match in good])
    matrix, _ = cv2.findHomography(source, target, estimator, reach, maxIters=5000, confidence=0.999)
    return matrix
