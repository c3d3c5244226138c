"""The exposure and white balance between a plate and a photo: a smooth factor and an offset for each channel.

With s the sRGB value, 1.055·L^(1/2.4) = s + 0.055 for all but the darkest light L, so a factor g on light is exactly
the factor g^(1/2.4) on s + 0.055: exposure is fitted and applied on encoded values, without decoding.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.scene import RGB

TOE = 0.055
"""What is added to an sRGB value to make it a power of light."""
_TERMS = 6  # 1, x, y, x², xy, y²


@dataclass(frozen=True)
class Exposure:
    """How a plate's channels become the photo's.

    Attributes:
        field: ``(3, 6)``: log factor of each channel as a quadratic in x, y in [-1, 1].
        lift: ``(3,)``: offset in sRGB values.
        noise: spread of the blocks' log ratios that the fit leaves.
    """

    field: NDArray[np.float64]
    lift: NDArray[np.float64]
    noise: float

    @property
    def gain(self) -> NDArray[np.float64]:
        """Return the ``(3,)`` factor on sRGB values in the middle of the picture."""
        return np.exp(self.field[:, 0])

    @property
    def offset(self) -> NDArray[np.float64]:
        """Return the ``(3,)`` offset on sRGB values in the middle of the picture."""
        return TOE * (self.gain - 1) + self.lift

    def apply(self, rgb: RGB) -> RGB:
        """Return ``(H, W, 3)`` of the plate in the photo's exposure, clipped to [0, 1]; a new array."""
        height, width = rgb.shape[:2]
        rows, columns = min(height, 32), min(width, 32)
        design = _design(rows, columns)
        result = np.empty_like(rgb)
        for channel in range(3):
            small = np.exp(design @ self.field[channel]).reshape(rows, columns).astype(np.float32)
            factor = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
            shifted = (rgb[..., channel] + np.float32(TOE)) * factor - np.float32(TOE - self.lift[channel])
            np.clip(shifted, 0, 1, out=result[..., channel])
        return result


def fit_exposure(plate: RGB, photo: RGB, valid: NDArray[np.bool_], block: int | None = None) -> Exposure:
    """Fit the exposure on the means of blocks, robustly: the object's blocks and the shadow's are outliers.

    Args:
        plate: ``(H, W, 3)`` sRGB, in the photo's frame.
        photo: ``(H, W, 3)`` sRGB.
        valid: ``(H, W)`` bool, where the plate covers the photo.
        block: side of a block; about 1/40 of the picture when None.
    """
    side = block or max(2, min(photo.shape[:2]) // 40)
    rows, columns = max(1, photo.shape[0] // side), max(1, photo.shape[1] // side)
    means = [
        cv2.resize(picture[: rows * side, : columns * side], (columns, rows), interpolation=cv2.INTER_AREA)
        for picture in (plate, photo)
    ]
    covered = cv2.resize(
        valid.astype(np.float32)[: rows * side, : columns * side], (columns, rows), interpolation=cv2.INTER_AREA
    )
    before, after = (mean.reshape(-1, 3).astype(np.float64) for mean in means)
    usable = (covered.ravel() > 0.99) & (before.max(1) < 0.985) & (after.max(1) < 0.985) & (before.min(1) > 0.01)
    if usable.sum() < 12:
        return Exposure(np.zeros((3, _TERMS)), np.zeros(3), 0.0)
    ratio = np.log((after[usable] + TOE) / (before[usable] + TOE))
    design = _design(rows, columns)[usable]
    inverse = 1 / (before[usable] + TOE)
    return _robust(design, inverse, ratio)


def _robust(design: NDArray, inverse: NDArray, ratio: NDArray) -> Exposure:
    field = np.zeros((3, _TERMS))
    lift = np.zeros(3)
    field[:, 0] = _mode(ratio)
    noise = 0.0
    # from a constant to the whole quadratic, so that an object in one half cannot bend the field early on
    for degree, cut in ((1, 0.08), (1, 0.05), (3, 0.04), (3, 0.03), (6, 0.025), (6, 0.0), (6, 0.0), (6, 0.0)):
        left = ratio - design @ field.T - inverse * lift
        distance = np.sqrt((left**2).mean(1))
        noise = max(float(np.median(distance[distance < max(3 * noise, 0.05)], axis=0)) if distance.size else 0.0, 5e-4)
        width = max(cut, 4 * noise)
        weight = np.clip(1 - (distance / width) ** 2, 0, None) ** 2
        if weight.sum() < 6:
            break
        for channel in range(3):
            columns = np.concatenate([design[:, :degree], inverse[:, channel : channel + 1]], axis=1)
            ridge = np.diag([1e-9, *([2e-3] * (degree - 1)), 50.0])
            normal = columns.T @ (columns * weight[:, None]) / weight.sum() + ridge * 1e-2
            solved = np.linalg.solve(normal, columns.T @ (ratio[:, channel] * weight) / weight.sum())
            field[channel] = 0
            field[channel, :degree] = solved[:degree]
            lift[channel] = solved[-1]
    return Exposure(field, lift, noise)


def _mode(ratio: NDArray) -> NDArray:
    """Return the densest point of the log ratios: the background's, if no object of one tint covers more blocks."""
    distance = ((ratio[:, None, :] - ratio[None, :: max(1, len(ratio) // 400), :]) ** 2).sum(-1)
    density = np.exp(-distance / (2 * 0.02**2)).sum(0)
    return ratio[:: max(1, len(ratio) // 400)][int(density.argmax())]


def _design(rows: int, columns: int) -> NDArray[np.float64]:
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float64)
    x = (2 * x.ravel() + 1) / columns - 1
    y = (2 * y.ravel() + 1) / rows - 1
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
