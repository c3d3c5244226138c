"""What the review shows of one photo, and the folder its pictures stand in."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.scene import RGB, Alpha, Candidate, Verdict


@dataclass(frozen=True)
class ReviewEntry:
    """One photo with everything that a person needs to judge its cutout.

    Attributes:
        name: what the photo is called in this folder, different for each photo (its path below the folder of photos).
        photo: ``(H, W, 3)`` float32 sRGB in [0, 1].
        alpha: ``(H, W)`` float32 in [0, 1], the cutout as it stands.
        foreground: ``(H, W, 3)`` float32 sRGB, the object's colours.
        candidates: what the single methods found, in the order of the keys 1 to 9.
        verdict: on ``alpha``.
        disagreement: ``(H, W)`` float32 in [0, 1], how much the candidates differ; None when there is only one.
        chosen: name of the candidate that ``alpha`` is, None when it is fused of several or touched up.
        files: the cutout's files, relative to the output folder, with ``/``.
    """

    name: str
    photo: RGB
    alpha: Alpha
    foreground: RGB
    candidates: tuple[Candidate, ...]
    verdict: Verdict
    disagreement: NDArray[np.float32] | None = None
    chosen: str | None = None
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class FailedEntry:
    """A photo without a cutout: it could not be read, or cutting it out broke off.

    Attributes:
        name: as in :class:`ReviewEntry`.
        reason: one sentence.
    """

    name: str
    reason: str


def identifier(name: str) -> str:
    """Return the folder name of an entry: safe in every file system and address, different for each name.

    >>> identifier("Tape roll #2.jpg")
    'tape-roll-2-jpg-682fb9b41b7ac3da'
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "photo"
    return f"{slug}-{hashlib.blake2b(name.encode('utf-8', 'surrogatepass'), digest_size=8).hexdigest()}"
