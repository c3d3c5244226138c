"""The samples that a cutout is written with."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.scene import RGB, Alpha, Photo
from toprung.images.depth import from_sixteen_bits
from toprung.images.spaces import space_of

BLEED = 2  # pixels
_ROWS = 256  # at a time, so that a large photo needs no second copy in floats
_SAME = 1e-4  # a tenth of a level of 10 bits: colours this near are the photo's own

Samples = NDArray[np.uint8] | NDArray[np.uint16]


def own_samples(photo: Photo, foreground: RGB, bits: int) -> NDArray:
    """Return the foreground's colours in the photo's own space.

    Where the foreground is the photo's own colour, the file's value comes back as it was, also one that sRGB does not
    hold; elsewhere the colour is converted.

    Args:
        photo: the photo.
        foreground: ``(H, W, 3)`` float32 sRGB in [0, 1].
        bits: of the result, 8 or 16.

    Returns:
        ``(H, W, 3)`` uint8 or uint16 in the space of ``photo.icc``, sRGB without one.
    """
    space = space_of(photo.icc) if photo.icc is not None and photo.samples is not None else None
    result = np.empty(foreground.shape, np.uint8 if bits == 8 else np.uint16)
    for start in range(0, len(foreground), _ROWS):
        rows = slice(start, start + _ROWS)
        part = foreground[rows]
        if space is None or photo.samples is None:
            result[rows] = quantised(part, bits)
            continue
        result[rows] = _at_depth(photo.samples[rows], bits)
        moved = (np.abs(part - photo.rgb[rows]) > _SAME).any(axis=2)
        result[rows][moved] = quantised(space.from_srgb(part[moved][None])[0], bits)
    return result


def quantised(shares: NDArray[np.floating], bits: int) -> NDArray:
    """Return shares in [0, 1] as rounded uint8 or uint16; beyond them they are cut."""
    white = np.float32(255 if bits == 8 else 65535)
    return np.rint(shares.clip(0, 1) * white).astype(np.uint8 if bits == 8 else np.uint16)


def bleed(samples: NDArray, alpha: NDArray) -> None:
    """Choose the colours of the pixels that show nothing, in place.

    Within two pixels of the object they continue its colours, so that programs that resize straight colours mix in no
    foreign ones; beyond that they are 0. Nothing of the photo's background stays in the file.

    Args:
        samples: ``(H, W, 3)`` uint8 or uint16.
        alpha: ``(H, W)`` as written; 0 where a pixel shows nothing.
    """
    known = (alpha > 0).astype(np.uint8)
    samples[known == 0] = 0
    weights = alpha.astype(np.float32)
    for _ in range(BLEED):
        ring = cv2.dilate(known, np.ones((3, 3), np.uint8)) > known
        rows, columns = np.nonzero(ring)
        if not len(rows):
            return
        sums, total = np.zeros((len(rows), 3), np.float64), np.zeros((len(rows), 1))
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                y, x = rows + down, columns + right
                inside = (y >= 0) & (y < alpha.shape[0]) & (x >= 0) & (x < alpha.shape[1])
                y, x = y.clip(0, alpha.shape[0] - 1), x.clip(0, alpha.shape[1] - 1)
                weight = (weights[y, x] * known[y, x] * inside)[:, None]
                sums += weight * samples[y, x]
                total += weight
        samples[rows, columns] = np.rint(sums / total)
        weights[rows, columns] = total[:, 0] / 9
        known[rows, columns] = 1


def laid_on(foreground: RGB, alpha: Alpha, colour: tuple[int, int, int], bits: int) -> NDArray:
    """Lay a cutout on a plain colour: ``F alpha + B (1 - alpha)`` in sRGB values, as browsers and most editors do.

    Args:
        foreground: ``(H, W, 3)`` float32 sRGB, not premultiplied.
        alpha: ``(H, W)`` in [0, 1].
        colour: sRGB, 0 to 255 each.
        bits: of the result, 8 or 16.

    Returns:
        ``(H, W, 3)`` uint8 or uint16 sRGB.

    Source: Porter & Duff 1984, "Compositing digital images".
    """
    result = np.empty(foreground.shape, np.uint8 if bits == 8 else np.uint16)
    ground = np.array(colour, np.float32) / np.float32(255)
    for start in range(0, len(foreground), _ROWS):
        rows = slice(start, start + _ROWS)
        share = alpha[rows, :, None]
        result[rows] = quantised(foreground[rows] * share + ground * (1 - share), bits)
    return result


def _at_depth(samples: Samples, bits: int) -> NDArray:
    if samples.dtype == np.uint8:
        return samples if bits == 8 else samples.astype(np.uint16) * np.uint16(257)
    return from_sixteen_bits(samples.astype(np.uint16)) if bits == 8 else samples
