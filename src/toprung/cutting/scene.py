"""What passes between the parts of a cutout: photos, backgrounds, scenes, candidates, verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

RGB: TypeAlias = NDArray[np.float32]
"""``(H, W, 3)`` float32, sRGB-encoded, in [0, 1]."""

Alpha: TypeAlias = NDArray[np.float32]
"""``(H, W)`` float32 in [0, 1]: the share of each pixel that the object covers."""


@dataclass(frozen=True)
class Photo:
    """A picture as it was opened: upright, in sRGB, with what is needed to write its cutout alike.

    Attributes:
        rgb: ``(H, W, 3)`` float32 sRGB in [0, 1].
        alpha: ``(H, W)`` float32 in [0, 1] if the file already had transparency, else None.
        icc: the file's RGB colour profile, None when it had none (or one of other pixels, or a broken one).
        bits: bits per channel of the file, 8 or 16.
        name: what messages call it.
        path: where it was read, None for arrays and PIL images.
        samples: ``(H, W, 3)`` uint8 or uint16, the file's own values in the space of ``icc``; None where that is sRGB.
        dpi: pixels per inch to the right and down, None when the file does not say.
    """

    rgb: RGB
    alpha: Alpha | None
    icc: bytes | None
    bits: int
    name: str
    path: Path | None
    samples: NDArray[np.uint8] | NDArray[np.uint16] | None = None
    dpi: tuple[float, float] | None = None


@dataclass(frozen=True)
class Background:
    """What the photo would show if the object were not there, in the photo's own frame.

    Attributes:
        rgb: ``(H, W, 3)`` float32 sRGB, the expected colour.
        sigma: ``(H, W)`` float32, the standard deviation per channel of photo − ``rgb`` where there is no object
            (noise, texture that the model does not hold, misalignment), in sRGB units of [0, 1].
        valid: ``(H, W)`` bool, where the background is known.
        source: "plate" or "border".
    """

    rgb: RGB
    sigma: NDArray[np.float32]
    valid: NDArray[np.bool_]
    source: str

    def part(self, window: tuple[slice, slice]) -> Background:
        """Return the background of some rows and columns."""
        return Background(self.rgb[window], self.sigma[window], self.valid[window], self.source)


@dataclass(frozen=True)
class Scene:
    """A photo with what is known of its background.

    Attributes:
        rgb: ``(H, W, 3)`` float32 sRGB in [0, 1].
        background: the background under it, None when nothing is known.
        name: what messages call the photo.
    """

    rgb: RGB
    background: Background | None = None
    name: str = "photo"


@dataclass(frozen=True)
class Candidate:
    """One method's answer.

    Attributes:
        name: the method's.
        alpha: ``(H, W)`` float32 in [0, 1].
        foreground: ``(H, W, 3)`` float32 sRGB, None when the method finds no colours.
        seconds: what it took.
        expected_error: mean absolute error of alpha over the picture that the judge expects, None before judging.
    """

    name: str
    alpha: Alpha
    foreground: RGB | None = None
    seconds: float = 0.0
    expected_error: float | None = None


@dataclass(frozen=True)
class Verdict:
    """The judge's opinion of one alpha.

    Attributes:
        status: "good", "check" or "failed".
        expected_error: mean absolute error of alpha over the picture, as expected.
        interval: 90 % interval of that error.
        reasons: sentences, the gravest first.
        place: x, y, width, height in pixels of the worst place, None when nothing stands out.
        measures: each measure's value by name.
    """

    status: str
    expected_error: float
    interval: tuple[float, float]
    reasons: tuple[str, ...] = ()
    place: tuple[int, int, int, int] | None = None
    measures: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
