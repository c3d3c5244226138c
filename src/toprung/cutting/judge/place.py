"""The worst place of a map of errors, as a box."""

from __future__ import annotations

import numpy as np

from toprung.cutting.judge.evidence import Evidence, Map

_WINDOW = 1.5  # half width of the window that counts as a place, in hundredths of the picture's side
_LEAST = 0.08  # mean error within the window below which nothing stands out


def worst_place(errors: Map, evidence: Evidence) -> tuple[int, int, int, int] | None:
    """Return x, y, width, height in photo pixels of the piece about the worst window, None when nothing stands out.

    Args:
        errors: ``(h, w)`` expected error.
        evidence: the scene it is of.
    """
    import cv2

    size = 2 * max(1, round(_WINDOW * evidence.unit)) + 1
    smooth = cv2.blur(errors, (size, size), borderType=cv2.BORDER_CONSTANT)
    _, worst, _, at = cv2.minMaxLoc(smooth)
    if worst < _LEAST:
        return None
    _, labels, statistics, _ = cv2.connectedComponentsWithStats((smooth > worst / 2).astype(np.uint8))
    x, y, width, height, _ = (int(value) for value in statistics[labels[at[1], at[0]]])
    height_photo, width_photo = evidence.photo_size
    left, top = int(x / evidence.scale), int(y / evidence.scale)
    right = min(int(np.ceil((x + width) / evidence.scale)), width_photo)
    bottom = min(int(np.ceil((y + height) / evidence.scale)), height_photo)
    return left, top, right - left, bottom - top
