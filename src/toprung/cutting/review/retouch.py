"""Touch up an alpha by strokes of the brush: certain where the stroke is, and spread to what looks alike around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.review.band import solve_band
from toprung.cutting.review.look_alike import look_alike
from toprung.cutting.scene import RGB, Alpha, Scene
from toprung.errors import CutoutError

Mask = NDArray[np.bool_]
_MOST_PIXELS = 1_000_000  # what looks alike is found on at most so many; its edge is solved on all
_SETTLED = 0.02  # alpha this near to a stroke's own needs no change


@dataclass(frozen=True)
class _Claim:
    """What the strokes of one kind mean: ``region`` shall get ``value``; ``distance`` says how unlike each pixel is."""

    value: float
    stroke: Mask
    zone: Mask
    region: Mask
    distance: NDArray[np.float32]


def retouch(scene: Scene, alpha: Alpha, certain_object: Mask, certain_background: Mask) -> Alpha:
    """Return alpha as strokes demand.

    Under a stroke alpha is 1 or 0. From there the change spreads over the connected pixels that look alike and are not
    yet settled (:mod:`toprung.cutting.review.look_alike`), up to an edge, where soft alpha is solved in a narrow band
    (:mod:`toprung.cutting.review.band`). A stroke for the background adds no object anywhere and one for the object
    removes none; pixels away from the regions and their bands keep their alpha to the bit.

    Args:
        scene: the photo; where its background is known, strokes for the background are compared by the difference
            to it, so that uneven light on the paper does not matter.
        alpha: ``(H, W)`` float32 in [0, 1], to start from.
        certain_object: ``(H, W)`` bool, the strokes for the object.
        certain_background: ``(H, W)`` bool, the strokes for the background.

    Returns:
        ``(H, W)`` float32 in [0, 1]; a new array.

    Raises:
        CutoutError: shapes disagree, or a pixel is in both strokes.
    """
    _check(scene, alpha, certain_object, certain_background)
    claims = [
        _claim(scene.rgb, certain_object, (alpha < 1 - _SETTLED) & ~certain_background, 1.0),
        _claim_ground(scene, certain_background, (alpha > _SETTLED) & ~certain_object),
    ]
    regions = _without_conflict(claims)
    band = _band_width(alpha.shape)
    start, unknown = alpha.copy(), np.zeros_like(certain_object)
    for claim, region in zip(claims, regions, strict=True):
        start[region] = claim.value
        unknown |= _edge(region, claim.zone | claim.stroke, band)
    unknown &= ~(certain_object | certain_background)
    solved = _on_crop(scene.rgb, start, unknown)
    return _bounded(solved, alpha, claims, regions, band)


def _check(scene: Scene, alpha: Alpha, certain_object: Mask, certain_background: Mask) -> None:
    shape = scene.rgb.shape[:2]
    given = {"alpha": alpha, "object strokes": certain_object, "background strokes": certain_background}
    for what, found in given.items():
        if found.shape != shape:
            raise CutoutError(
                f"the {what} of {scene.name} have shape {found.shape}, the photo {shape}: make them for this photo."
            )
    both = int((certain_object & certain_background).sum())
    if both:
        raise CutoutError(f"{both} pixels of {scene.name} are in strokes of both kinds: let each pixel be in one.")


def _claim_ground(scene: Scene, stroke: Mask, zone: Mask) -> _Claim:
    """Find what the background strokes mean: by the difference to the background where they lie on known ones."""
    ground = scene.background
    if ground is None or not ground.valid[stroke].all():
        return _claim(scene.rgb, stroke, zone, 0.0)
    return _claim(np.asarray(scene.rgb - ground.rgb, np.float32), stroke, zone & ground.valid, 0.0)


def _claim(features: RGB, stroke: Mask, zone: Mask, value: float) -> _Claim:
    """Find what each connected stroke of one kind means, on a reduced picture if the photo is large."""
    import cv2

    region, distance = stroke.copy(), np.full(stroke.shape, np.inf, np.float32)
    if not stroke.any():
        return _Claim(value, stroke, zone, region, distance)
    height, width = stroke.shape
    scale = min(1.0, (_MOST_PIXELS / stroke.size) ** 0.5)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = features if scale == 1 else np.asarray(cv2.resize(features, size, interpolation=cv2.INTER_AREA), np.float32)
    shrunk_zone = _resized(zone, size, cv2.INTER_AREA) > 0.5
    count, labels = cv2.connectedComponents(stroke.astype(np.uint8), connectivity=8)
    for label in range(1, count):
        dab = _resized(labels == label, size, cv2.INTER_AREA) > (0.5 if scale == 1 else 1e-3)
        found = look_alike(small, dab, shrunk_zone)
        region |= (_resized(found.inside, (width, height), cv2.INTER_LINEAR) > 0.5) & zone
        full = _resized(found.distance, (width, height), cv2.INTER_LINEAR)
        distance = np.minimum(distance, full)
    return _Claim(value, stroke, zone, region, distance)


def _resized(values: NDArray, size: tuple[int, int], interpolation: int) -> NDArray[np.float32]:
    import cv2

    values = values.astype(np.float32)
    same = values.shape == size[::-1]
    return values if same else np.asarray(cv2.resize(values, size, interpolation=interpolation), np.float32)


def _without_conflict(claims: list[_Claim]) -> list[Mask]:
    """Give each pixel that both kinds claim to the one whose colours are nearer; strokes stay their own."""
    strokes = claims[0].stroke | claims[1].stroke
    nearer = claims[0].distance <= claims[1].distance
    wins: list[Callable[[], Mask]] = [lambda: nearer, lambda: ~nearer]
    both = claims[0].region & claims[1].region & ~strokes
    return [(claim.region & (~both | win())) | claim.stroke for claim, win in zip(claims, wins, strict=True)]


def _band_width(shape: tuple[int, ...]) -> int:
    """Return how many pixels to either side of a region's edge alpha may be soft: 3 on small photos, 9 on 24 MP."""
    return int(np.clip(round(1.5 + 1.5 * (shape[0] * shape[1] / 1e6) ** 0.5), 3, 10))


def _edge(region: Mask, zone: Mask, band: int) -> Mask:
    """Return the pixels near the edge between a region and the rest of what may change."""
    rest = zone & ~region
    if not region.any() or not rest.any():
        return np.zeros_like(region)
    return (_near(rest, band) & region) | (_near(region, band) & rest)


def _near(mask: Mask, reach: int) -> Mask:
    import cv2

    return np.asarray(cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5) <= reach)


def _on_crop(rgb: RGB, start: Alpha, unknown: Mask) -> Alpha:
    if not unknown.any():
        return start
    rows, columns = np.flatnonzero(unknown.any(axis=1)), np.flatnonzero(unknown.any(axis=0))
    crop = slice(max(0, rows[0] - 2), rows[-1] + 3), slice(max(0, columns[0] - 2), columns[-1] + 3)
    solved = start.copy()
    solved[crop] = solve_band(rgb[crop], start[crop], unknown[crop])
    return solved


def _bounded(solved: Alpha, before: Alpha, claims: list[_Claim], regions: list[Mask], band: int) -> Alpha:
    """Hold each kind to its direction: near background strokes' regions alpha only falls, near object ones it rises."""
    raised, lowered = (_near(region, band) if region.any() else region for region in regions)
    result = np.where(raised & ~lowered, np.maximum(solved, before), solved)
    result = np.where(lowered & ~raised, np.minimum(solved, before), result)
    for claim in claims:
        result[claim.stroke] = claim.value
    return np.asarray(result, np.float32)
