"""Holes: enclosed background seen through a tape roll or a cup's handle is opened, a label of the same colour is not.

Each enclosed region of the silhouette that could be background is tried against evidence of several kinds: its colours
(allowing for shade, as holes often lie in it), the background's own detail, which shows through a hole and nowhere
else, the strength of its texture where the background has no detail, the contrast of its rim, and islands inside it,
which cannot float in a hole.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.band import refine_band
from toprung.cutting.scene import RGB, Alpha, Background
from toprung.cutting.unlikeness import Unlikeness, unlikeness

Flags = NDArray[np.bool_]

_ALIKE = 3.0  # standard deviations, shade allowed, below which a pixel may be background
_FEWEST = 16  # pixels of the smallest hole that can be judged
_LEAST_SHARE = 1.5e-5  # of the picture
_TYPICAL = 2.5  # a hole's median distance may be this many times that of the background elsewhere,
_TYPICAL_AT_LEAST = 1.9  # or this, as it may also reflect the object
_TEXTURE = (0.55, 2.0)  # the same for the fine texture, least and most
_VAGUE = 2.2  # where the background's sigma is this many times its median, being like it says nothing
_ENOUGH = 40  # pixels in which a correlation of details can be judged
_LIKENESS = 0.22  # least correlation of the photo's detail with the background's in a hole
_AROUND = 16  # pixels about a hole that are looked at when its edge is drawn
_RIM = 0.6  # share of the rim that must be unlike the background
_ISLANDS = 0.02  # share of the region that islands may fill
_OUTSIDE = 0.15  # share of the rim that may lie outside the silhouette
_SHADE_STEP = 0.05  # standard deviation of the shade in a hole


@dataclass(frozen=True)
class Hole:
    """One enclosed region that could be background.

    Attributes:
        box: x, y, width, height in pixels.
        area: in pixels.
        open: True when it is a hole.
        reason: what decided.
    """

    box: tuple[int, int, int, int]
    area: int
    open: bool
    reason: str


def find_holes(rgb: RGB, background: Background, alpha: Alpha) -> tuple[Hole, ...]:
    """Judge every enclosed region of the silhouette that looks like background.

    Args:
        rgb: ``(H, W, 3)`` float32 sRGB.
        background: of the same size.
        alpha: ``(H, W)`` float32, a first mask; its holes are judged too.
    """
    return tuple(hole for hole, _ in _judged(rgb, background, alpha))


def settle_holes(rgb: RGB, background: Background, alpha: Alpha) -> Alpha:
    """Open the holes that the mask has closed, and close those that the evidence speaks against.

    Args:
        rgb: ``(H, W, 3)`` float32 sRGB.
        background: of the same size.
        alpha: ``(H, W)`` float32 in [0, 1].

    Returns:
        ``(H, W)`` float32 in [0, 1], a new array; unchanged away from the regions that were settled.
    """
    settled = alpha.copy()
    silhouette = _silhouette(alpha)
    for hole, region in _judged(rgb, background, alpha):
        x, y, width, height = hole.box
        part = np.s_[max(0, y - _AROUND) : y + height + _AROUND, max(0, x - _AROUND) : x + width + _AROUND]
        if hole.open:
            # open the region to its own edge, found at full scale
            settled[part] = np.minimum(settled[part], refine_band(rgb[part], ~region[part], 2.0))
        elif hole.reason in _AGAINST:
            settled[part] = np.where(_grown(_filled(region[part]), 2) & silhouette[part], 1, settled[part])
    return settled.astype(np.float32)


def _judged(rgb: RGB, background: Background, alpha: Alpha) -> list[tuple[Hole, Flags]]:
    silhouette = _silhouette(alpha)
    if not silhouette.any() or not background.valid.any():
        return []
    measured = unlikeness(rgb, background)
    alike = (measured.shaded < _ALIKE) & background.valid & silhouette
    # single pixels agree by chance, and single pixels in a hole disagree by noise
    cross = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    alike_parts = cv2.morphologyEx(cv2.medianBlur(alike.astype(np.uint8), 3), cv2.MORPH_OPEN, cross)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(alike_parts, connectivity=4)
    smallest = max(_FEWEST, _LEAST_SHARE * alpha.size)
    reference = _Reference.of(rgb, background, alpha, measured)
    judged = []
    for label in range(1, count):
        x, y, width, height, area = (int(value) for value in stats[label])
        if area < smallest:
            continue
        region = labels == label
        reason = _objection(region, (x, y, width, height), silhouette, measured, reference)
        if reason == _NOT_ENCLOSED:
            continue
        judged.append((Hole((x, y, width, height), area, not reason, reason or "matches the background"), region))
    return judged


_NOT_ENCLOSED = "not enclosed"
_HOLDS_SOMETHING = "something stands inside it"
_OTHER_TEXTURE = "its texture is not the background's"
_OTHER_DETAIL = "it does not show the background's detail"
_AGAINST = (
    _HOLDS_SOMETHING,
    _OTHER_TEXTURE,
    _OTHER_DETAIL,
)  # evidence strong enough to close a hole that the mask has open


@dataclass(frozen=True)
class _Reference:
    """What the background is like where it is surely seen.

    Attributes:
        distance: median of the shaded distance.
        texture: root of the median squared fine residual.
        fine: ``(H, W)`` squared fine residual, of the whole picture.
        detail: ``(H, W, 3)`` the photo's fine detail; ``expected``: the background's.
        sigma: ``(H, W)`` the background's; ``usual``: its median.
    """

    distance: float
    texture: float
    fine: NDArray[np.float32]
    detail: RGB
    expected: RGB
    sigma: NDArray[np.float32]
    usual: float

    @staticmethod
    def of(rgb: RGB, background: Background, alpha: Alpha, measured: Unlikeness) -> _Reference:
        detail, expected = _detail(rgb), _detail(background.rgb)
        fine = (_detail(rgb - measured.shade[..., None] * background.rgb) ** 2).mean(-1).astype(np.float32)
        usual = float(np.median(background.sigma[background.valid]))
        clear = cv2.erode((alpha < 0.02).astype(np.uint8), np.ones((9, 9), np.uint8), borderValue=1) > 0
        seen = clear & background.valid & (measured.shaded < _ALIKE)
        distance, texture = 1.0, usual * 0.75
        if np.count_nonzero(seen) >= 50:
            distance, texture = float(np.median(measured.shaded[seen])), float(np.sqrt(np.median(fine[seen])))
        return _Reference(distance, texture, fine, detail, expected, background.sigma, usual)


def _detail(rgb: RGB) -> RGB:
    return np.asarray(rgb - cv2.GaussianBlur(rgb, (0, 0), 1.5), np.float32)


def _objection(
    region: Flags, box: tuple[int, int, int, int], silhouette: Flags, measured: Unlikeness, reference: _Reference
) -> str:
    """Return why the region is no hole, "" when nothing speaks against one."""
    x, y, width, height = box
    margin = 7
    part = np.s_[max(0, y - margin) : y + height + margin, max(0, x - margin) : x + width + margin]
    inside = region[part]
    rim = _grown(inside, 4) & ~_grown(inside, 1)
    if float((~silhouette[part])[rim].mean() if rim.any() else 1.0) > _OUTSIDE:
        return _NOT_ENCLOSED
    core = _core(inside)
    count = np.count_nonzero(core)
    islands = _filled(inside) & ~inside
    strange = islands & (measured.shaded[part] > 2 * _ALIKE)
    if np.count_nonzero(strange) > _ISLANDS * np.count_nonzero(inside) + 3:
        return _HOLDS_SOMETHING
    if float((measured.shaded[part][rim] > _ALIKE).mean()) < _RIM:
        return "it has no clear rim"
    if float(np.median(measured.shaded[part][core])) > max(_TYPICAL * reference.distance, _TYPICAL_AT_LEAST):
        return "its colour is not the background's"
    if float(np.median(reference.sigma[part][core])) > _VAGUE * reference.usual:
        return "the background is too vague there"
    slack = 1 + 2 / np.sqrt(count)
    wide = cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
    expected = reference.expected[part][wide]
    if len(expected) >= _ENOUGH and float(expected.std()) > 0.7 * reference.texture:
        # the background has detail of its own there: it shows through a hole, and through nothing else
        likeness = float(np.corrcoef(reference.detail[part][wide].ravel(), expected.ravel())[0, 1])
        return _OTHER_DETAIL if likeness < _LIKENESS else ""
    texture = float(np.sqrt(np.median(reference.fine[part][core])))
    floor = 0.35 / 255  # rounding to 8 bits
    ratio = (texture + floor) / (reference.texture + floor)
    if not _TEXTURE[0] / slack < ratio < _TEXTURE[1] * slack:
        return _OTHER_TEXTURE
    if float(measured.shade[part][core].std()) > _SHADE_STEP:
        return "its shade has steps"
    return ""


def _core(region: Flags) -> Flags:
    """Return the region without its rim, where the object's colours bleed in: as much of it as leaves enough pixels."""
    depth = cv2.distanceTransform(np.pad(region, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    for reach in (4, 2.5, 1.5):
        if np.count_nonzero(depth > reach) >= 4 * _FEWEST:
            return np.asarray(depth > reach)
    return region


def _silhouette(alpha: Alpha) -> Flags:
    """Return the mask with all its holes filled."""
    return _filled(alpha > 0.5)


def _filled(mask: Flags) -> Flags:
    """Return ``mask`` and everything that it encloses."""
    outside = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    _, labels = cv2.connectedComponents(outside, connectivity=4)
    return np.asarray(labels != labels[0, 0])[1:-1, 1:-1]


def _grown(mask: Flags, reach: int) -> Flags:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel) > 0)
