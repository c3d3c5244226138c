"""Decode a picture at a fraction of its size where the format allows it, which is many times faster.

A JPEG is stored as 8 × 8 blocks of frequencies; leaving out the high ones decodes it at 1/2, 1/4 or 1/8 of its
size, antialiased, for a fraction of the work. The rules for what a picture looks like stay those of
:func:`toprung.images.files.open_rgb`.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toprung.errors import UnreadableImage
from toprung.images.files import decode_rgb, identify, orientation_of, read_content, turn_upright, upright_size
from toprung.images.profiles import to_srgb

REDUCTIONS = (8, 4, 2, 1)
_FLAGS = {
    1: cv2.IMREAD_COLOR_RGB,
    2: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_REDUCED_GRAYSCALE_2,  # "reduced, not forced to grey" has no name of its own
    4: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_REDUCED_GRAYSCALE_8,
}
_END_OF_IMAGE = b"\xff\xd9"
_TAIL = 64  # bytes at a file's end among which the end mark must stand


class ScalablePicture:
    """A picture whose header is read and whose pixels are decoded later, at a size that fits the purpose.

    Attributes:
        width, height: of the upright picture at full size, in pixels.

    Args:
        content: the file's bytes.

    Raises:
        UnreadableImage: with the reason alone, without a path.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._image = identify(content)
        self.width, self.height = upright_size(self._image)

    @classmethod
    def open(cls, path: Path) -> ScalablePicture:
        """Read a file.

        Raises:
            UnreadableImage: with the reason alone, without a path.
        """
        return cls(read_content(path))

    def pixels(
        self, *, most_reduction: float = 1.0, background: tuple[int, int, int] = (255, 255, 255)
    ) -> NDArray[np.uint8]:
        """Return the upright picture as ``(H', W', 3)`` uint8 sRGB.

        Args:
            most_reduction: JPEGs are decoded at 1/8, 1/4 or 1/2 of their size where this is at least 8, 4 or 2;
                then ``H' = ceil(height / 8)`` and so on. Other formats come at full size.
            background: sRGB colour under transparent pixels.

        Raises:
            UnreadableImage: damaged or cut off; the reason alone.
        """
        values = self._reduced(next(r for r in REDUCTIONS if r <= max(most_reduction, 1.0)))
        return decode_rgb(self._image, self._content, background=background) if values is None else values

    def _reduced(self, reduction: int) -> NDArray[np.uint8] | None:
        """Return the pixels of an ordinary JPEG, ``None`` for anything that needs :func:`decode_rgb`'s care."""
        image = self._image
        if image.format not in {"JPEG", "MPO"} or image.mode not in {"RGB", "L"}:
            return None
        if _END_OF_IMAGE not in self._content[-_TAIL:]:
            return None  # perhaps cut off: Pillow judges that strictly, OpenCV fills with grey
        flags = _FLAGS[reduction] | cv2.IMREAD_IGNORE_ORIENTATION
        try:
            values = cv2.imdecode(np.frombuffer(self._content, np.uint8), flags)
        except cv2.error:
            return None
        if values is None:
            return None
        rgb: NDArray[np.uint8] = values.astype(np.uint8, copy=False)
        profile = image.info.get("icc_profile")
        if profile:
            colour = Image.fromarray(rgb if image.mode == "RGB" else rgb[..., 0])
            rgb = np.asarray(to_srgb(colour, profile))
        return turn_upright(rgb, orientation_of(image))


def open_scalable(path: Path) -> ScalablePicture:
    """Like :meth:`ScalablePicture.open`, with the path in the message of an error.

    Raises:
        UnreadableImage: missing, empty, or no picture.
    """
    try:
        return ScalablePicture.open(path)
    except UnreadableImage as error:
        raise UnreadableImage(f"cannot read {path}: {error}.") from error
