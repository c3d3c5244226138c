"""A made-up case as the pipeline gets it: with an aligned plate, with a plate a little off, or without."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cutout_cases import Case
from toprung.cutting.align.align import align_rgb, place
from toprung.cutting.align.alignment import Alignment
from toprung.cutting.align.search import Found
from toprung.cutting.methods.materials import Materials, Second
from toprung.cutting.plate_background import plate_background
from toprung.cutting.scene import RGB, Background

_SECOND = 0.5  # share of the cases that come with the object on another paper


def aligned(case: Case, rng: np.random.Generator) -> Materials:
    """The case with its plate as toprung aligns it; a little off when it does not."""
    photo = _float(case.photo)
    found = align_rgb(_float(case.plate), photo)
    return _materials(case, rng, found) if found.ok else jittered(case, rng)


def jittered(case: Case, rng: np.random.Generator) -> Materials:
    """The case with its plate, off by 0.05 to 2 pixels, which the alignment knows."""
    return _materials(case, rng, _off(case.plate, case.photo, case.matrix, rng))


def bare(case: Case, rng: np.random.Generator) -> Materials:
    """The case without its plate: the pipeline looks at the photo's border."""
    return Materials(_float(case.photo), case.name)


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


def _materials(case: Case, rng: np.random.Generator, alignment: Alignment) -> Materials:
    photo = _float(case.photo)
    second = None
    if rng.random() < _SECOND:
        other = _off(case.second_plate, case.second, case.second_matrix, rng)
        rgb = _float(case.second)
        second = Second(rgb, plate_background(rgb, other))
    return Materials(photo, case.name, plate_background(photo, alignment), alignment, second)


def _off(plate: NDArray[np.uint8], photo: NDArray[np.uint8], matrix: Any, rng: np.random.Generator) -> Alignment:
    error = 10 ** rng.uniform(-1.3, 0.3)
    jitter = np.eye(3)
    jitter[:2, 2] = rng.normal(0, error / np.sqrt(2), 2)
    found = Found(jitter @ matrix, "homography", "true", error, plate.size, 1.0, "")
    return place(_float(plate), _float(photo), found)


def _float(picture: NDArray[np.uint8]) -> RGB:
    return picture.astype(np.float32) / 255
