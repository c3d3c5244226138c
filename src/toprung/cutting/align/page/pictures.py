"""A photo as the page shows it: reduced, and cut out at full resolution where someone looks closely."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.scene import RGB

PREVIEW_SIDE = 1600  # longest side in pixels that is sent whole
_CROP_SIDE = 1200  # longest side of a cut-out


@dataclass(frozen=True)
class Shown:
    """A photo in 8 bits, with its reduced copy.

    Attributes:
        full: ``(H, W, 3)`` uint8 sRGB.
        preview: ``(h, w, 3)`` uint8 sRGB, the longest side at most :data:`PREVIEW_SIDE`.
    """

    full: NDArray[np.uint8]
    preview: NDArray[np.uint8]

    @classmethod
    def of(cls, rgb: RGB) -> Shown:
        """Make it from a ``(H, W, 3)`` float32 picture in [0, 1]."""
        full = np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)
        return cls(full, reduced(full, PREVIEW_SIDE))

    def crop(self, left: int, top: int, width: int, height: int) -> NDArray[np.uint8]:
        """Return a rectangle at full resolution, clipped to the picture and to the largest that is sent."""
        high, wide = self.full.shape[:2]
        left, top = min(max(left, 0), wide - 1), min(max(top, 0), high - 1)
        width, height = min(max(width, 1), _CROP_SIDE), min(max(height, 1), _CROP_SIDE)
        return self.full[top : top + height, left : left + width]


def reduced(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return a picture whose longest side is at most ``side``; each pixel is the mean of those that it covers."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def jpeg(picture: NDArray[np.uint8]) -> bytes:
    """Return ``(H, W, 3)`` 8-bit sRGB as the content of a JPEG file."""
    _, content = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])
    return content.tobytes()


def between(matrix: NDArray[np.float64], plate: Shown, photo: Shown, side: int) -> tuple[RGB, RGB, NDArray[np.float64]]:
    """Return both pictures reduced to ``side``, and a transform of the full ones as it is between these.

    Args:
        matrix: ``(3, 3)``, full plate pixel → full photo pixel, centres at integers.
        plate: the plate.
        photo: the photo.
        side: longest side in pixels.
    """
    small_plate, small_photo = reduced(plate.preview, side), reduced(photo.preview, side)
    scaled = _scaling(photo.full, small_photo) @ matrix @ np.linalg.inv(_scaling(plate.full, small_plate))
    return small_plate.astype(np.float32) / np.float32(255), small_photo.astype(np.float32) / np.float32(255), scaled


def _scaling(full: NDArray[np.uint8], small: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the map of pixel centres from a picture to its reduced copy; their edges coincide."""
    across, down = small.shape[1] / full.shape[1], small.shape[0] / full.shape[0]
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])
