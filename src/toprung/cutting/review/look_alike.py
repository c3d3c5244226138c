"""Which pixels a dab of the brush means: those that look like the pixels under it and are connected with it.

The dab's colours are a few clusters; each pixel has a distance to the nearest one, in standard deviations. As the
limit on that distance rises, the region connected with the dab grows; it stands still while the limit lies between
the spread of the colours meant and the step to what surrounds them, so the longest standstill is taken. That is a
maximally stable extremal region of the distance. If there is none, or it would swallow everything, only the
neighbourhood of the dab is meant.

Source: J. Matas, O. Chum, M. Urban, T. Pajdla, "Robust wide-baseline stereo from maximally stable extremal regions",
BMVC 2002; noise by J. Immerkær, "Fast noise variance estimation", 1996.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LIMITS = np.geomspace(2.5, 100, 30)  # standard deviations
_STANDSTILL = 1.12  # a region that grows by less than this factor stands still,
_STEPS = 4  # for at least so many limits: a factor of 1.7 in distance
_SWALLOWED = 0.9  # of the part of the picture that may change
_FRAME = 0.25  # of the picture's frame
_FLOOR = 1.5 / 255  # colours are never known better than that
_CLUSTERS = 3
_SHARE = 0.2  # of the dab: fewer pixels of a colour are pixels that the brush slipped over
_ROUNDS = 2


@dataclass(frozen=True)
class Region:
    """The pixels that a dab means.

    Attributes:
        inside: ``(H, W)`` bool; holds the dab.
        distance: ``(H, W)`` float32, each pixel's distance to the dab's colours in standard deviations.
    """

    inside: NDArray[np.bool_]
    distance: NDArray[np.float32]


def look_alike(features: NDArray[np.float32], dab: NDArray[np.bool_], zone: NDArray[np.bool_]) -> Region:
    """Return what a dab means.

    Args:
        features: ``(H, W, 3)`` float32, what is compared: colours, or their difference to the known background.
        dab: ``(H, W)`` bool, one connected stroke, not empty.
        zone: ``(H, W)`` bool, the pixels that may be meant; the dab counts as part of it.

    Returns:
        The region and the distances.
    """
    zone = zone | dab
    reachable = _connected(zone, dab)
    distance = _distances(features, dab)
    inside = _stable(distance, dab, zone, reachable)
    if inside is None:
        return Region(_closed(_neighbourhood(distance, dab, zone), zone), distance)
    for _ in range(_ROUNDS):  # light and shade that the dab did not touch are learnt from what it reached
        distance_now = _distances(features, inside)
        wider = _stable(distance_now, dab, zone, reachable)
        if wider is None or wider.sum() <= inside.sum():
            break
        inside, distance = wider, distance_now
    return Region(_closed(inside, zone), distance)


def _distances(features: NDArray[np.float32], dab: NDArray[np.bool_]) -> NDArray[np.float32]:
    floor = max(_FLOOR, _noise(features))
    samples = features[dab].astype(np.float64)
    nearest = np.full(features.shape[:2], np.inf, np.float32)
    for cluster in _clusters(samples, 4 * floor):
        spread = np.cov(cluster.T) if len(cluster) > 12 else np.zeros((3, 3))
        whitening = np.linalg.cholesky(np.linalg.inv(spread + floor**2 * np.eye(3))).astype(np.float32)
        offset = (features - cluster.mean(axis=0).astype(np.float32)) @ whitening
        nearest = np.minimum(nearest, np.sqrt(np.einsum("ijk,ijk->ij", offset, offset)))
    return nearest


def _noise(features: NDArray[np.float32]) -> float:
    """Return the noise's standard deviation, from second differences in both directions (6 = their gain's root)."""
    height, width = features.shape[:2]
    if min(height, width) < 3:
        return 0.0
    across = features[:, :-2] - 2 * features[:, 1:-1] + features[:, 2:]
    both = across[:-2] - 2 * across[1:-1] + across[2:]
    return float(1.4826 * np.median(np.abs(both)) / 6)


def _clusters(samples: NDArray[np.float64], apart: float) -> list[NDArray[np.float64]]:
    """Split colours into at most three clusters, whose first centres are more than ``apart`` from each other."""
    centres = [np.median(samples, axis=0)]
    while len(centres) < _CLUSTERS:
        away = np.min([np.linalg.norm(samples - centre, axis=1) for centre in centres], axis=0)
        limit = np.quantile(away, 0.9)  # not the farthest: a few stray pixels make no cluster
        if limit <= apart:
            break
        centres.append(samples[np.argmin(np.abs(away - limit))])
    for _ in range(8):
        owner = np.argmin([np.linalg.norm(samples - centre, axis=1) for centre in centres], axis=0)
        centres = [samples[owner == k].mean(axis=0) if (owner == k).any() else c for k, c in enumerate(centres)]
    return [samples[owner == k] for k in range(len(centres)) if (owner == k).mean() >= _SHARE]


def _connected(mask: NDArray[np.bool_], dab: NDArray[np.bool_]) -> NDArray[np.bool_]:
    import cv2

    _, labels = cv2.connectedComponents((mask | dab).astype(np.uint8), connectivity=4)
    wanted = np.zeros(labels.max() + 1, np.bool_)
    wanted[np.unique(labels[dab])] = True
    return wanted[labels]


def _stable(
    distance: NDArray[np.float32], dab: NDArray[np.bool_], zone: NDArray[np.bool_], reachable: NDArray[np.bool_]
) -> NDArray[np.bool_] | None:
    """Return the region of the longest standstill, from the middle of it; None when the region never stands still."""
    grown = [_connected((distance <= limit) & zone, dab) for limit in _LIMITS]
    areas = [int(region.sum()) for region in grown]
    allowed = [not _leaks(region, reachable, zone) for region in grown]
    best: tuple[int, int] | None = None  # length, first
    for first, area in enumerate(areas):
        length = 0
        while first + length < len(areas) and areas[first + length] <= _STANDSTILL * area and allowed[first + length]:
            length += 1
        if length >= _STEPS and (best is None or length > best[0]):
            best = length, first
    return None if best is None else grown[best[1] + best[0] // 2]


def _leaks(region: NDArray[np.bool_], reachable: NDArray[np.bool_], zone: NDArray[np.bool_]) -> bool:
    """Say whether a region swallows the main part of what may change, or runs along the picture's frame."""
    main_part = 2 * int(reachable.sum()) > int(zone.sum())
    if main_part and int(region.sum()) >= _SWALLOWED * int(reachable.sum()):
        return True
    frame = np.concatenate([region[0], region[-1], region[:, 0], region[:, -1]])
    return bool(frame.mean() > _FRAME)


def _neighbourhood(distance: NDArray[np.float32], dab: NDArray[np.bool_], zone: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the look-alike pixels no farther from the dab than the dab is wide."""
    import cv2

    half_width = float(cv2.distanceTransform(np.pad(dab, 1).astype(np.uint8), cv2.DIST_L2, 5).max())
    away = cv2.distanceTransform((~dab).astype(np.uint8), cv2.DIST_L2, 5)
    return _connected((away <= 2 * half_width) & (distance <= 3.0) & zone, dab)


def _closed(region: NDArray[np.bool_], zone: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill what noise left open: single pixels and specks."""
    import cv2

    closed = cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)).astype(np.bool_)
    return region | (closed & zone)
