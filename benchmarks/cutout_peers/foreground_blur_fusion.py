"""Blur fusion (Forte 2021), twice: radius 90, then 6."""

import cv2
import numpy as np

from benchmarks.cutout_peers.registry import peer


@peer("foreground", "blur fusion × 2")
def blur_fusion(photo: np.ndarray, alpha: np.ndarray, plate: np.ndarray) -> np.ndarray:
    """Both passes."""
    object_, ground = _pass(photo, photo, photo, alpha, 90)
    return _pass(photo, object_, ground, alpha, 6)[0]


def _pass(
    photo: np.ndarray, object_: np.ndarray, ground: np.ndarray, alpha: np.ndarray, radius: int
) -> tuple[np.ndarray, np.ndarray]:
    share = alpha[..., None]
    blurred = cv2.blur(alpha, (radius, radius))[..., None]
    near = cv2.blur(object_ * share, (radius, radius)) / (blurred + 1e-5)
    far = cv2.blur(ground * (1 - share), (radius, radius)) / (1 - blurred + 1e-5)
    return np.clip(near + share * (photo - share * near - (1 - share) * far), 0, 1), far
