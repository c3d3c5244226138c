"""The recipe published with BackgroundMattingV2 (Lin et al. 2021): many ORB points, the best 15 % of all matches."""

import cv2
import numpy as np

from benchmarks.cutout_peers.matching import grey
from benchmarks.cutout_peers.registry import peer


@peer("align", "BackgroundMattingV2's recipe")
def best_matches(plate: np.ndarray, photo: np.ndarray) -> np.ndarray | None:
    """15,000 ORB points, matches sorted by distance, 15 % kept, RANSAC with OpenCV's defaults."""
    detector = cv2.ORB_create(15_000)
    first, first_words = detector.detectAndCompute(grey(plate), None)
    second, second_words = detector.detectAndCompute(grey(photo), None)
    if first_words is None or second_words is None:
        return None
    matches = sorted(cv2.BFMatcher(cv2.NORM_HAMMING).match(first_words, second_words), key=lambda one: one.distance)
    kept = matches[: int(0.15 * len(matches))]
    if len(kept) < 4:
        return None
    source = np.float32([first[match.queryIdx].pt for match in kept])
    target = np.float32([second[match.trainIdx].pt for match in kept])
    return cv2.findHomography(source, target, cv2.RANSAC)[0]
