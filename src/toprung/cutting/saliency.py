"""Where the object probably is: a soft seed from the background, or from the border when nothing is plain."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.border_background import border_background
from toprung.cutting.scene import RGB, Alpha, Background, Scene
from toprung.cutting.unlikeness import unlikeness

_LONGEST = 96  # side at which saliency is measured
_LOW, _HIGH = 2.6, 6.0  # standard deviations where the ramp of a seed starts and ends
_BLOCK = 8  # pixels that JPEG smears an edge's colours over
_SHADED = 0.45  # what a pixel that may be mere shadow is worth


def known_background(scene: Scene) -> Background | None:
    """Return the scene's background, else the border's; None when less than half of the picture has one."""
    background = scene.background if scene.background is not None else border_background(scene.rgb)
    return background if float(background.valid.mean()) >= 0.5 else None


def soft_seed(scene: Scene, background: Background | None) -> Alpha:
    """Return a soft first mask of the object.

    Args:
        scene: the photo.
        background: what `known_background` returned.

    Returns:
        ``(H, W)`` float32 in [0, 1]. With a background a ramp on how unlike it a pixel is, where a pixel that may be
        background in shadow stays below one half; without one the saliency of `border_contrast`.
    """
    if background is None:
        return border_contrast(scene.rgb)
    measured = unlikeness(scene.rgb, background)
    sure, doubtful = _ramp(measured.shaded), _ramp(measured.plain)
    return np.maximum(sure, _SHADED * doubtful).astype(np.float32)


def border_contrast(rgb: RGB) -> Alpha:
    """Measure saliency without a background: colours far from the border's, and hard to reach from the border.

    The product of the distance to the nearest of the border's colours (k-means in CIELAB) and of the geodesic
    distance from the border, where each step costs the difference in colour; on a grid of at most 96 blocks.

    Args:
        rgb: ``(H, W, 3)`` float32 sRGB.

    Returns:
        ``(H, W)`` float32 in [0, 1]; 0 everywhere in a picture without contrast.

    Source:
        Wei, Wen, Zhu & Sun 2012, "Geodesic saliency using background priors".
    """
    height, width = rgb.shape[:2]
    shrink = min(1.0, _LONGEST / max(height, width))
    columns, rows = max(1, round(width * shrink)), max(1, round(height * shrink))
    if rows < 5 or columns < 5:
        return np.zeros((height, width), np.float32)
    small = cv2.resize(rgb, (columns, rows), interpolation=cv2.INTER_AREA)
    lab = np.asarray(cv2.cvtColor(cv2.GaussianBlur(small, (0, 0), 0.8), cv2.COLOR_RGB2Lab), np.float32)
    border = np.ones((rows, columns), bool)
    border[2:-2, 2:-2] = False
    salient = _colour_distance(lab, border) * _geodesic_distance(lab, border) * _central(rows, columns)
    top = float(np.percentile(salient, 99))
    if top < 25.0:  # 5 units of CIELAB in both: nothing stands out
        return np.zeros((height, width), np.float32)
    share = np.clip(np.sqrt(salient / top), 0, 1).astype(np.float32)
    level, _ = cv2.threshold((share * 255).astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    # Otsu's level becomes one half; parts other than the largest stay below it
    share = np.clip(0.5 + (share - level / 255) / 0.5, 0, 1)
    count, parts, stats, _ = cv2.connectedComponentsWithStats((share > 0.5).astype(np.uint8))
    if count > 2:
        areas = stats[1:, cv2.CC_STAT_AREA]
        small_parts = 1 + np.flatnonzero(areas < 0.3 * areas.max())
        share[np.isin(parts, small_parts)] = 0.4
    return np.clip(cv2.resize(share, (width, height), interpolation=cv2.INTER_LINEAR), 0, 1).astype(np.float32)


def _central(rows: int, columns: int) -> NDArray[np.float32]:
    """A mild preference for the middle: 1 there, 0.6 in the middle of a side, 0.37 in the corners."""
    y, x = np.linspace(-1, 1, rows)[:, None], np.linspace(-1, 1, columns)[None]
    return np.exp(-0.5 * (x * x + y * y)).astype(np.float32)


def _ramp(distance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn distances into shares: between noise and object, at half the contrast of the nearest edge."""
    small = max(2, round(max(distance.shape) / 400))
    edge = cv2.dilate(distance, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * small + 1, 2 * small + 1)))
    bleeding = cv2.dilate(distance, np.ones((2 * _BLOCK + 1, 2 * _BLOCK + 1), np.uint8))
    middle = np.maximum(np.maximum((_LOW + _HIGH) / 2, 0.45 * edge), 0.08 * bleeding)
    width = np.maximum(_HIGH - _LOW, 0.5 * edge)
    share = np.clip(0.5 + (distance - middle) / width, 0, 1)
    # inside the object a weak stripe beside a strong one is no edge of it: nothing near is like the background
    around = cv2.erode(distance, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * small + 3, 2 * small + 3)))
    return np.where(around > np.maximum(1.5 * _HIGH, 0.08 * bleeding), 1, share).astype(np.float32)


def _colour_distance(lab: NDArray[np.float32], border: NDArray[np.bool_]) -> NDArray[np.float32]:
    samples = np.ascontiguousarray(lab[border])
    cv2.setRNGSeed(1)
    count = min(6, len(samples))
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    _, labels, centres = cv2.kmeans(
        samples, count, np.zeros((len(samples), 1), np.int32), stop, 2, cv2.KMEANS_PP_CENTERS
    )
    mass = np.bincount(labels.ravel(), minlength=count) / len(samples)
    away = np.sqrt(((lab[..., None, :] - centres) ** 2).sum(-1))
    # a colour that is rare on the border may belong to an object that touches it
    return np.asarray((away + 30 * np.maximum(0, 0.1 - mass) / 0.1).min(-1), np.float32)


def _geodesic_distance(lab: NDArray[np.float32], border: NDArray[np.bool_]) -> NDArray[np.float32]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra

    rows, columns = border.shape
    index = np.arange(rows * columns).reshape(rows, columns)
    steps = [
        (index[:, :-1].ravel(), index[:, 1:].ravel(), np.sqrt(((lab[:, 1:] - lab[:, :-1]) ** 2).sum(-1)).ravel()),
        (index[:-1].ravel(), index[1:].ravel(), np.sqrt(((lab[1:] - lab[:-1]) ** 2).sum(-1)).ravel()),
    ]
    start, end, cost = (np.concatenate(parts) for parts in zip(*steps, strict=True))
    # small differences are noise: they cost nothing, or distance alone would be salient
    graph = coo_array((np.maximum(cost - 2.0, 1e-6), (start, end)), shape=(index.size, index.size)).tocsr()
    outer = np.zeros((rows, columns), bool)
    outer[[0, -1]] = outer[:, [0, -1]] = True
    distance = dijkstra(graph, directed=False, indices=np.flatnonzero(outer), min_only=True)
    return np.asarray(distance.reshape(rows, columns), np.float32)
