"""What the judge knows of a scene before it looks at one candidate: the same for all of them.

Everything is done on a working copy of at most a quarter of a megapixel, so that a judgement costs the same for any
photo and its measures, all of them *shares of the picture*, mean the same at any resolution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.align.alignment import Alignment
from toprung.cutting.align.exposure import TOE
from toprung.cutting.scene import RGB, Alpha, Background, Scene
from toprung.errors import CutoutError

Map = NDArray[np.float32]
"""``(h, w)`` float32 over the working copy."""

WORKING_PIXELS = 2**18
_OBJECT_RAMP = (2.5, 6.0)  # noise-normalised distances between which a pixel turns from "may be" to "is" object
_BACKGROUND_RAMP = (1.5, 4.0)  # and from "is" to "is not" background
_DARKEST_SHADOW = 0.4  # of the background's sRGB value
_TOE = np.float32(TOE)


def smooth(picture: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Return the average over a box (width, height) about each pixel."""
    import cv2

    return np.asarray(cv2.blur(picture, size), np.float32)


def ramp(values: Map, low: float, high: float) -> Map:
    """Return 0 below ``low``, 1 above ``high``, a straight line between."""
    return np.clip((values - low) * np.float32(1 / (high - low)), 0, 1)


@dataclass(frozen=True, eq=False)
class Evidence:
    """A scene, its candidates, and what follows from them together.

    Attributes:
        rgb: ``(h, w, 3)`` float32, the photo at working size.
        background: the background at working size, known nowhere (``valid`` all False) when there is none.
        alphas: each candidate's alpha at working size, by name.
        scale: working pixels per photo pixel, at most 1.
        photo_size: height and width of the photo in its own pixels.
        alignment_error: expected error of the plate's alignment in photo pixels, 0 without a plate.
    """

    rgb: RGB
    background: Background
    alphas: Mapping[str, Alpha]
    scale: float
    photo_size: tuple[int, int]
    alignment_error: float

    @property
    def unit(self) -> float:
        """A hundredth of the picture's mean side, in working pixels: the measures' yardstick."""
        height, width = self.rgb.shape[:2]
        return float(np.sqrt(height * width)) / 100

    @cached_property
    def consensus(self) -> Map:
        """The candidates' median, pixel by pixel."""
        return median(list(self.alphas.values()))

    @cached_property
    def spread(self) -> tuple[Map, Map, Map]:
        """The candidates' lowest, highest and mean alpha, pixel by pixel."""
        alphas = list(self.alphas.values())
        lowest, highest, total = alphas[0].copy(), alphas[0].copy(), alphas[0].copy()
        for alpha in alphas[1:]:
            np.minimum(lowest, alpha, out=lowest)
            np.maximum(highest, alpha, out=highest)
            total += alpha
        return lowest, highest, total / np.float32(len(alphas))

    @cached_property
    def colour_codes(self) -> NDArray[np.int32]:
        """Each pixel's cell in the colour cube cut into 16³, ``(h w,)``."""
        cells = (self.rgb * np.float32(15.999)).astype(np.int32)
        return np.asarray((cells[..., 0] * 256 + cells[..., 1] * 16 + cells[..., 2]).ravel())

    @cached_property
    def residual(self) -> RGB:
        """Photo − background, averaged over 3 × 3 pixels, which takes noise away but no object."""
        return smooth(self.rgb - self.background.rgb, (3, 3))

    @cached_property
    def distance(self) -> Map:
        """Distance of the photo from the background in units of its noise; 0 where no background is known."""
        return self._normalised(self.residual)

    @cached_property
    def shade(self) -> Map:
        """How much darker than the background the photo is, as the factor on sRGB + 0.055 that fits best.

        sRGB + 0.055 is a power of light, so less light is one factor on all three channels.
        """
        behind = self.background.rgb + _TOE
        factor = dot(self.residual + behind, behind) / dot(behind, behind)
        return np.clip(factor, _DARKEST_SHADOW, 1)

    @cached_property
    def tolerant_distance(self) -> Map:
        """Like :attr:`distance`, but a pixel that is the background in shadow counts as background."""
        return self._normalised(self.residual + (self.background.rgb + _TOE) * (1 - self.shade)[..., None])

    @cached_property
    def is_object(self) -> Map:
        """How surely a pixel is not background, in [0, 1]."""
        return ramp(self.distance, *_OBJECT_RAMP)

    @cached_property
    def is_object_or_lit(self) -> Map:
        """How surely a pixel is neither background nor background in shadow, in [0, 1]."""
        return ramp(self.tolerant_distance, *_OBJECT_RAMP)

    @cached_property
    def is_background(self) -> Map:
        """How well a pixel fits the background, in [0, 1]; 0 where none is known."""
        return np.where(self.background.valid, 1 - ramp(self.distance, *_BACKGROUND_RAMP), 0).astype(np.float32)

    @cached_property
    def edge_strength(self) -> tuple[Map, Map]:
        """Gradient of photo − background in the channel-summed direction: x and y parts, in noise units."""
        import cv2

        difference = self.rgb - np.where(self.background.valid[..., None], self.background.rgb, 0)
        difference = np.asarray(cv2.GaussianBlur(difference, (0, 0), 1.0), np.float32)
        along_x = cv2.Sobel(difference, cv2.CV_32F, 1, 0, scale=0.125)
        along_y = cv2.Sobel(difference, cv2.CV_32F, 0, 1, scale=0.125)
        return np.asarray(along_x, np.float32), np.asarray(along_y, np.float32)

    @cached_property
    def noise(self) -> Map:
        """Standard deviation per channel of the smoothed residual on background, mended where it was too small.

        The background's own ``sigma`` is scaled so that half of the pixels that the candidates call background stay
        within 0.89 of it, as Gaussian noise of three channels would: half, so that a lost object counts for little.
        """
        sigma = np.maximum(self.background.sigma, np.float32(1 / 512))
        agreed = (self.consensus < 0.02) & self.background.valid
        if agreed.mean() < 0.02:
            return sigma
        size = np.sqrt(dot(self.residual[agreed], self.residual[agreed]) / 3) / sigma[agreed]
        return sigma * np.float32(np.clip(np.median(size) / 0.89, 0.4, 3))

    def _normalised(self, difference: RGB) -> Map:
        distance = np.sqrt(dot(difference, difference) / 3) / self.noise
        return np.where(self.background.valid, distance, 0).astype(np.float32)


def gather(
    scene: Scene, alphas: Mapping[str, Alpha], alignment: Alignment | None = None, pixels: int = WORKING_PIXELS
) -> Evidence:
    """Bring a scene and its candidates to working size.

    Args:
        scene: the photo and what is known of its background.
        alphas: ``(H, W)`` float32 in [0, 1] each, by name; at least one.
        alignment: how the plate was aligned, None without a plate.
        pixels: the working copy's size at most.

    Raises:
        CutoutError: there is no candidate, or one is not of the photo's size or leaves [0, 1].
    """
    if not alphas:
        raise CutoutError(f"cannot judge {scene.name}: there is no candidate; give at least one alpha.")
    height, width = scene.rgb.shape[:2]
    for name, alpha in alphas.items():
        if alpha.shape != (height, width):
            raise CutoutError(
                f"cannot judge '{name}' of {scene.name}: its alpha is {alpha.shape}, the photo {(height, width)};"
                " give one of the photo's size."
            )
        if not (np.isfinite(alpha).all() and alpha.min() >= 0 and alpha.max() <= 1):
            raise CutoutError(f"cannot judge '{name}' of {scene.name}: its alpha leaves [0, 1]; divide 8-bit by 255.")
    scale = min(1.0, float(np.sqrt(pixels / (height * width))))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = {name: fit(alpha, size) for name, alpha in alphas.items()}
    rgb = fit(scene.rgb, size)
    background = _background(scene.background, rgb, median(list(small.values())), size)
    error = 0.0 if alignment is None else float(alignment.expected_error_px)
    return Evidence(rgb, background, small, scale, (height, width), error)


def median(alphas: list[Alpha]) -> Map:
    """Return the pixel-wise median of some alphas, the mean of the two middle ones for an even count."""
    if len(alphas) == 1:
        return alphas[0]
    ordered = np.sort(np.stack(alphas), axis=0)
    middle = len(alphas) // 2
    return ordered[middle] if len(alphas) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def fit(picture: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Bring a picture to ``size`` (width, height) by averaging over areas."""
    import cv2

    if picture.shape[1::-1] == size:
        return np.ascontiguousarray(picture, dtype=np.float32)
    return np.asarray(cv2.resize(picture.astype(np.float32, copy=False), size, interpolation=cv2.INTER_AREA))


def _background(known: Background | None, rgb: RGB, consensus: Map, size: tuple[int, int]) -> Background:
    if known is not None:
        valid = fit(known.valid.astype(np.float32), size) > 0.99
        return Background(fit(known.rgb, size), fit(known.sigma, size), valid, known.source)
    return _surface(rgb, consensus)


def _surface(rgb: RGB, consensus: Map) -> Background:
    """Fit a quadratic surface per channel to the pixels that the candidates call background."""
    height, width = consensus.shape
    outside = consensus < 0.02
    rows, columns = np.nonzero(outside)
    if len(rows) < 64 or outside.mean() < 0.02:
        nothing = np.zeros((height, width), np.float32)
        return Background(np.zeros_like(rgb), nothing + 1, nothing > 0, "none")
    step = max(1, len(rows) // 4096)
    rows, columns = rows[::step], columns[::step]
    seen = rgb[rows, columns].astype(np.float64)
    terms = _terms(rows / height - 0.5, columns / width - 0.5)
    weights = np.ones(len(rows))
    for _ in range(4):  # Cauchy weights: what the candidates lost of the object is no background
        coefficients = np.linalg.lstsq(terms * weights[:, None], seen * weights[:, None], rcond=None)[0]
        off = np.sqrt(((seen - terms @ coefficients) ** 2).mean(1))
        spread = max(float(np.median(off)), 1 / 512)
        weights = 1 / np.sqrt(1 + (off / (2 * spread)) ** 2)
    y, x = np.mgrid[0:height, 0:width]
    field = _terms(y.ravel() / height - 0.5, x.ravel() / width - 0.5) @ coefficients
    sigma = np.full((height, width), 1.2 * spread, np.float32)
    return Background(
        np.clip(field, 0, 1).reshape(height, width, 3).astype(np.float32), sigma, np.ones((height, width), bool), "none"
    )


def _terms(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)


def dot(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the scalar product of two fields of three channels."""
    return np.asarray(a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2])
