"""A made-up case as the judge gets it: a scene with a plate, with the border's surface, or with nothing."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.cutout_cases import Case
from toprung.cutting.align.align import align_rgb
from toprung.cutting.scene import RGB, Background, Scene


def aligned_scene(case: Case, rng: np.random.Generator) -> Scene | None:
    """The scene with its plate as toprung aligns it, None when it does not."""
    photo, plate = (picture.astype(np.float32) / 255 for picture in (case.photo, case.plate))
    found = align_rgb(plate, photo)
    if found.aligned is None:
        return None
    warped = found.aligned.astype(np.float32)
    sigma = _sigma(photo - warped, warped, found.valid, found.expected_error_px)
    return Scene(photo, Background(warped, sigma, found.valid, "plate"), case.name)


def plate_scene(case: Case, rng: np.random.Generator) -> Scene:
    """The scene with its plate, aligned to within a drawn error of 0.05 to 2 pixels and matched in exposure."""
    photo = case.photo.astype(np.float32) / 255
    height, width = photo.shape[:2]
    error = 10 ** rng.uniform(-1.3, 0.3)
    jitter = np.eye(3)
    jitter[:2, 2] = rng.normal(0, error / np.sqrt(2), 2)
    matrix = jitter @ case.matrix
    plate = case.plate.astype(np.float32) / 255
    warped = cv2.warpPerspective(plate, matrix, (width, height), flags=cv2.INTER_CUBIC)
    valid = cv2.warpPerspective(np.ones((height, width), np.float32), matrix, (width, height)) > 0.999
    warped = np.clip(_exposed_alike(warped, photo, valid), 0, 1)
    return Scene(photo, Background(warped, _sigma(photo - warped, warped, valid, error), valid, "plate"), case.name)


def bare_scene(case: Case, rng: np.random.Generator) -> Scene:
    """The scene of which nothing is known but the photo."""
    return Scene(case.photo.astype(np.float32) / 255, None, case.name)


def border_scene(case: Case, rng: np.random.Generator) -> Scene:
    """The scene with a quadratic surface fitted to the photo's border."""
    photo = case.photo.astype(np.float32) / 255
    return Scene(photo, surface(photo), case.name)


def surface(photo: RGB) -> Background:
    """A quadratic surface through the photo's border, robust to an object that touches it."""
    height, width = photo.shape[:2]
    rim = max(4, round(0.04 * min(height, width)))
    border = np.ones((height, width), bool)
    border[rim:-rim, rim:-rim] = False
    y, x = np.mgrid[0:height, 0:width]
    y, x = y / height - 0.5, x / width - 0.5
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    weight = np.ones(int(border.sum()))
    for _ in range(5):
        found = np.linalg.lstsq(terms[border] * weight[:, None], photo[border] * weight[:, None], rcond=None)[0]
        off = np.sqrt(((photo[border] - terms[border] @ found) ** 2).mean(1))
        spread = max(float(np.median(off)), 1 / 512)
        weight = 1 / np.sqrt(1 + (off / (2 * spread)) ** 2)
    rgb = np.clip(terms @ found, 0, 1).astype(np.float32)
    sigma = np.full((height, width), 1.2 * spread, np.float32)
    return Background(rgb, sigma, np.ones((height, width), bool), "border")


def _exposed_alike(warped: RGB, photo: RGB, valid: NDArray[np.bool_]) -> RGB:
    out = warped.copy()
    for channel in range(3):
        a, b = warped[..., channel][valid][::17], photo[..., channel][valid][::17]
        keep = np.ones(len(a), bool)
        for _ in range(8):
            terms = np.stack([a[keep], np.ones(int(keep.sum()))], 1)
            gain, offset = np.linalg.lstsq(terms, b[keep], rcond=None)[0]
            off = np.abs(b - gain * a - offset)
            keep = off <= max(np.quantile(off, 0.5), 2 / 255)
        out[..., channel] = gain * warped[..., channel] + offset
    return out


def _sigma(residual: RGB, warped: RGB, valid: NDArray[np.bool_], error: float) -> NDArray[np.float32]:
    """The noise, from the quieter half of the residual, and what the misalignment makes of the plate's slopes."""
    size = np.sqrt((residual**2).mean(2))
    level = max(float(np.quantile(size[valid], 0.25)) / 0.64, 1 / 512)  # a quarter of chi with 3 channels
    smooth = cv2.GaussianBlur(warped, (0, 0), 1.0)
    slope = (
        cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.125) ** 2 + cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.125) ** 2
    )
    return np.sqrt(level**2 + error**2 * slope.mean(2) / 2).astype(np.float32)
