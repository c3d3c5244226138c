"""What the peers are given: a photo with its plate laid over it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class PlateCase:
    """A photo and its plate in one frame.

    Attributes:
        photo: ``(H, W, 3)`` uint8 sRGB.
        plate: ``(H, W, 3)`` float32 sRGB in [0, 1], warped to the photo, its exposure matched.
        valid: ``(H, W)`` bool, where the plate reaches.
        truth: ``(H, W)`` float32, for the peer that is allowed to see it.
    """

    photo: Bytes
    plate: Floats
    valid: NDArray[np.bool_]
    truth: Floats


@dataclass(frozen=True)
class TwoCase:
    """The same object on two papers, with both plates in the frame of their photos or without plates."""

    first: Floats
    second: Floats
    first_plate: Floats | None
    second_plate: Floats | None


def plate_case(photo: Bytes, plate: Bytes, matrix: NDArray[np.float64], truth: Floats) -> PlateCase:
    """Warp a plate to its photo and match each channel's exposure by the median ratio."""
    size = photo.shape[1::-1]
    warped = cv2.warpPerspective(plate, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    seen = cv2.warpPerspective(np.full(plate.shape[:2], 255, np.uint8), matrix, size, flags=cv2.INTER_NEAREST) > 0
    one, other = photo[seen].astype(np.float32), warped[seen].astype(np.float32)
    gain = np.median((one + 1) / (other + 1), axis=0)
    matched = np.clip(warped * gain / 255, 0, 1).astype(np.float32)
    return PlateCase(photo, np.where(seen[..., None], matched, photo / np.float32(255)), seen, truth)
