"""A plate and a photo of one made-up table, with the transform between them known."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

MATRIX = np.array([[1.01, -0.03, 5.0], [0.028, 0.995, -3.0], [0.0, 0.0, 1.0]])
PLACES = np.array([[20, 18], [140, 15], [138, 100], [18, 104], [80, 60], [60, 20]], np.float64)


def on_photo(places: np.ndarray) -> np.ndarray:
    lifted = np.hstack([places, np.ones((len(places), 1))]) @ MATRIX.T
    return lifted[:, :2] / lifted[:, 2:]


def scene(height: int = 120, width: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """Return plate and photo, ``(H, W, 3)`` float32: smooth spots, the photo ×0.9 + 0.04 and with a dark object."""
    random = np.random.default_rng(0)
    plate = cv2.GaussianBlur(random.uniform(-1, 1, (height, width, 3)), (0, 0), 3)
    plate = (0.5 + 0.2 * plate / plate.std()).clip(0.1, 0.9).astype(np.float32)
    photo = cv2.warpPerspective(plate, MATRIX, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    photo = 0.9 * photo + 0.04
    photo[50:90, 65:100] = 0.05
    return plate, photo.astype(np.float32)


def write_scene(folder: Path) -> tuple[Path, Path]:
    paths = folder / "plate.png", folder / "photo.png"
    for path, picture in zip(paths, scene(), strict=True):
        Image.fromarray(np.rint(picture * 255).astype(np.uint8)).save(path)
    return paths
