"""One candidate as the judge sees it: its alpha with what several measures need of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from toprung.cutting.judge.evidence import Evidence, Map, dot, smooth
from toprung.cutting.scene import RGB, Alpha

_BAND = 0.8  # half width of the band about the outline, in hundredths of the picture's side
_REACH = 2.0  # how far colours of the inside are spread outwards, likewise
_RELIABLE = 0.06  # sRGB distance of object and background at which the colours say as much as they do not


@dataclass(frozen=True, eq=False)
class View:
    """A candidate's alpha at working size, within its scene."""

    evidence: Evidence
    alpha: Alpha

    @cached_property
    def band(self) -> Map:
        """1 in a band about the outline and wherever alpha is neither 0 nor 1, else 0."""
        import cv2

        radius = max(2, round(_BAND * self.evidence.unit))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        solid = (self.alpha > 0.5).astype(np.uint8)
        soft = ((self.alpha > 0.02) & (self.alpha < 0.98)).astype(np.uint8)
        return np.asarray(np.maximum(cv2.morphologyEx(solid, cv2.MORPH_GRADIENT, kernel), soft), np.float32)

    @cached_property
    def inside_colour(self) -> RGB:
        """The object's colour near each pixel: the photo averaged with alpha squared as the weight."""
        return self._nearby[0]

    @cached_property
    def reliability(self) -> Map:
        """How much a pixel's colour says of its alpha, in [0, 1]: 0 where object and background look alike."""
        colour, weight = self._nearby
        apart = colour - self.evidence.background.rgb
        contrast = dot(apart, apart)
        noise = 3 * self.evidence.noise**2 + np.float32(_RELIABLE**2)
        return np.where(self.evidence.background.valid & (weight > 1e-3), contrast / (contrast + noise), 0).astype(
            np.float32
        )

    @cached_property
    def implied(self) -> Map:
        """The alpha that the photo's colour implies between the object's nearby colour and the background."""
        apart = self.inside_colour - self.evidence.background.rgb
        seen = self.evidence.rgb - self.evidence.background.rgb
        share = dot(apart, seen) / np.maximum(dot(apart, apart), np.float32(1e-5))
        return np.clip(share, 0, 1)

    @cached_property
    def _nearby(self) -> tuple[RGB, Map]:
        size = 2 * max(2, round(_REACH * self.evidence.unit)) + 1
        weight = self.alpha * self.alpha
        total = smooth(weight, (size, size))
        colour = smooth(self.evidence.rgb * weight[..., None], (size, size))
        return np.asarray(colour / np.maximum(total, 1e-4)[..., None], np.float32), total
