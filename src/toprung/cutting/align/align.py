"""Aligning a clean background plate to a photo."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toprung.cutting.align.alignment import Alignment
from toprung.cutting.align.by_points import as_pairs, find_by_points
from toprung.cutting.align.corners import mean_corner_shift
from toprung.cutting.align.detail import grey
from toprung.cutting.align.exposure import fit_exposure
from toprung.cutting.align.points import PointPairs
from toprung.cutting.align.search import Found, search
from toprung.cutting.photo import open_photo
from toprung.cutting.scene import RGB
from toprung.errors import CutoutError

Matrix = NDArray[np.float64]
METHODS = ("auto", "corners", "none")


def align(
    plate: str | Path | Image.Image | NDArray,
    photo: str | Path | Image.Image | NDArray,
    *,
    method: str = "auto",
    points: PointPairs | str | Path | NDArray | None = None,
) -> Alignment:
    """Find the transform from a plate (the scene without the object) to a photo.

    Args:
        plate: a file, a PIL image or an array.
        photo: likewise; the two need not have the same size.
        method: "auto"; "corners", the mean of the corners, a baseline; "none", no motion.
        points: hand-made point pairs that take the place of the method: a CSV file with the columns plate_x, plate_y,
            photo_x, photo_y, or an array ``(N, 4)``, in pixels with centres at integers.

    Returns:
        The alignment; its ``status`` is "not aligned" when the pictures do not support one.

    Raises:
        UnreadableImage: a file is not a picture.
        CutoutError: no such method, or the point pairs cannot be used.
    """
    check_method(method)
    pairs = None if points is None else as_pairs(points)
    return align_rgb(open_photo(plate).rgb, open_photo(photo).rgb, method, pairs)


def check_method(method: str) -> None:
    """Refuse a method that is not there.

    Raises:
        CutoutError: no such method.
    """
    if method not in METHODS:
        raise CutoutError(f"No method of alignment is called '{method}': take one of {', '.join(METHODS)}.")


def align_rgb(plate: RGB, photo: RGB, method: str = "auto", pairs: PointPairs | None = None) -> Alignment:
    """Align two opened pictures; see :func:`align`."""
    found = find_motion(plate, photo, method) if pairs is None else find_by_points(pairs, plate.shape, photo.shape)
    return place(plate, photo, found)


def find_motion(plate: RGB, photo: RGB, method: str = "auto") -> Found:
    """Find the motion between two opened pictures, without laying one over the other."""
    grey_plate, grey_photo = grey(plate), grey(photo)
    if method == "auto":
        return search(grey_plate, grey_photo)
    matrix = mean_corner_shift(grey_plate, grey_photo) if method == "corners" else np.eye(3)
    return Found(matrix, "translation", method, float("nan"), 0, 0.0, "")


def place(plate: RGB, photo: RGB, found: Found) -> Alignment:
    """Warp a plate by what was found, correct its exposure, and measure what is left."""
    height, width = photo.shape[:2]
    if found.reason:
        nothing = np.zeros((height, width), np.float32)
        return Alignment(
            found.matrix, None, nothing > 0, found.expected_error, "not aligned", found.model, found.method,
            found.used, 0.0, np.ones(3), np.zeros(3), nothing, found.reason,
        )  # fmt: skip
    warped = cv2.warpPerspective(
        plate, found.matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    valid = _covered(plate.shape[:2], found.matrix, height, width)
    exposure = fit_exposure(np.clip(warped, 0, 1), photo, valid)
    aligned = exposure.apply(warped)
    residual = np.sqrt(((photo - aligned) ** 2).mean(2)) * valid
    return Alignment(
        found.matrix, aligned, valid, found.expected_error, "aligned", found.model, found.method, found.used,
        float(valid.mean()), exposure.gain, exposure.offset, residual.astype(np.float32),
    )  # fmt: skip


def _covered(plate: tuple[int, int], matrix: Matrix, height: int, width: int) -> NDArray[np.bool_]:
    """Return where a plate covers the photo, without the outermost pixel, whose interpolation is made up."""
    inside = np.zeros(plate, np.uint8)
    inside[1:-1, 1:-1] = 1
    return cv2.warpPerspective(inside, matrix, (width, height), flags=cv2.INTER_NEAREST) > 0
