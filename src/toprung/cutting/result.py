"""What a cutout returns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.align.alignment import Alignment
from toprung.cutting.scene import RGB, Alpha, Background, Candidate, Photo, Verdict


@dataclass(frozen=True)
class Cutout:
    """An object cut out of a photo.

    Attributes:
        alpha: ``(H, W)`` float32 in [0, 1].
        foreground: ``(H, W, 3)`` float32 sRGB in [0, 1], the object's own colours, free of the background.
        candidates: every method's answer, the one expected to be best first.
        verdict: the judge's opinion of ``alpha``.
        disagreement: ``(H, W)`` float32 in [0, 1], the widest difference between candidates.
        chosen: the name of the candidate that ``alpha`` is; None when there is none, or when a person touched it up.
        alignment: of the plate; None without one.
        background: what was taken for the background, from the plate or the border; None when nothing was.
        photo: as it was opened.
        seconds: what it took.
    """

    alpha: Alpha
    foreground: RGB
    candidates: tuple[Candidate, ...]
    verdict: Verdict
    disagreement: NDArray[np.float32]
    chosen: str | None
    alignment: Alignment | None
    background: Background | None
    photo: Photo
    seconds: float

    def save(self, path: str | Path) -> Path:
        """Write the cutout as an RGBA picture; the ending decides the format (.png, .webp, .tif).

        Raises:
            CutoutError: the ending is none of these.
            StorageError: the file cannot be written.
        """
        from toprung.cutting.saving import save_cutout

        return save_cutout(self, Path(path))
