"""What a cutout has to work with; what several methods need is made once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from toprung.cutting.align.alignment import Alignment
from toprung.cutting.border_background import border_background
from toprung.cutting.evidence import Evidence, evidence
from toprung.cutting.masks.plate_difference import plate_difference
from toprung.cutting.reduced import working_scale
from toprung.cutting.scene import RGB, Alpha, Background, Scene
from toprung.cutting.trimap import Trimap, trimap_from_mask

_LEAST_KNOWN = 0.3  # share of the photo that a background must cover to be of use


@dataclass(frozen=True)
class Second:
    """The same object on another paper.

    Attributes:
        rgb: ``(H, W, 3)`` sRGB, of the first photo's size.
        background: what it would show without the object, None when that is not known.
    """

    rgb: RGB
    background: Background | None


@dataclass(frozen=True)
class Materials:
    """A photo and everything known about it.

    Attributes:
        rgb: ``(H, W, 3)`` the photo.
        name: for messages.
        plate: the background from an aligned plate.
        alignment: of the plate.
        second: the object on another paper.
        given_trimap: a trimap from the user.
        model: a network's ONNX file.
    """

    rgb: RGB
    name: str
    plate: Background | None = None
    alignment: Alignment | None = None
    second: Second | None = None
    given_trimap: Trimap | None = None
    model: Path | None = None

    @cached_property
    def border(self) -> Background | None:
        """The background as the picture's border shows it; None when the border is no plain surface."""
        found = border_background(self.rgb)
        return found if float(found.valid.mean()) > _LEAST_KNOWN else None

    @cached_property
    def background(self) -> Background | None:
        """The best known background: the plate's, else the border's."""
        return self.plate if self.plate is not None else self.border

    @property
    def scene(self) -> Scene:
        """The photo with its best background."""
        return Scene(self.rgb, self.background, self.name)

    @cached_property
    def mask(self) -> Alpha | None:
        """The soft mask of what differs from the background; None without a background."""
        return plate_difference(self.scene) if self.background is not None else None

    @cached_property
    def found(self) -> Evidence | None:
        """Full-size evidence against the background."""
        return evidence(self.rgb, self.background, 0.7) if self.background is not None else None

    @property
    def mask_scale(self) -> float:
        """Photo pixels to one pixel of the plane on which the mask is found."""
        return 1 / working_scale(*self.rgb.shape[:2])

    def trimap_of(self, mask: Alpha) -> Trimap:
        """Return the user's trimap, or one around a mask."""
        if self.given_trimap is not None:
            return self.given_trimap
        return trimap_from_mask(mask, self.found, 1.5 * self.mask_scale + 1)

    def empty(self) -> Alpha:
        """Return an alpha of zeros."""
        return np.zeros(self.rgb.shape[:2], np.float32)
