"""A person's decision about one photo, laid over its automatic cutout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from toprung.cutting.align.alignment import Alignment
from toprung.cutting.review.choices import Choice
from toprung.cutting.review.retouch import retouch
from toprung.cutting.review.strokes import paint
from toprung.cutting.scene import RGB, Alpha, Background, Candidate, Photo, Scene, Verdict
from toprung.errors import CutoutError, nearest


class Finished(Protocol):
    """What a cutout has, as far as it is written."""

    @property
    def photo(self) -> Photo:
        """The photo as it was opened."""

    @property
    def alpha(self) -> Alpha:
        """``(H, W)`` float32 in [0, 1]."""

    @property
    def foreground(self) -> RGB:
        """``(H, W, 3)`` float32 sRGB."""

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """What the single methods found."""

    @property
    def verdict(self) -> Verdict:
        """The judge's."""

    @property
    def disagreement(self) -> Alpha | None:
        """``(H, W)`` float32: how much the candidates differ."""

    @property
    def chosen(self) -> str | None:
        """Name of the candidate that ``alpha`` is."""

    @property
    def alignment(self) -> Alignment | None:
        """How the plate lies on the photo, None without one."""


@dataclass(frozen=True)
class Decided:
    """A cutout as a person wants it; the attributes are those of :class:`Finished`.

    Attributes:
        chosen: name of the candidate that ``alpha`` is, None when it was touched up.
    """

    photo: Photo
    alpha: Alpha
    foreground: RGB
    candidates: tuple[Candidate, ...]
    verdict: Verdict
    disagreement: Alpha | None
    alignment: Alignment | None
    chosen: str | None


def decided(cut: Finished, choice: Choice) -> Decided:
    """Return the candidate that a person picked, touched up by the strokes.

    The verdict becomes "good", as a person has looked, with a sentence for each thing done by hand; the error expected
    stays the candidate's, or the automatic cutout's.

    Args:
        cut: the automatic cutout.
        choice: the decision.

    Raises:
        CutoutError: the decision is for a photo of another size, or names a candidate that there is not.
    """
    height, width = cut.alpha.shape
    if choice.size != (width, height):
        made = f"{choice.size[0]} x {choice.size[1]}"
        raise CutoutError(
            f"the choice for {cut.photo.name} is for {made} pixels, not {width} x {height}; choose again."
        )
    alpha, foreground, verdict = cut.alpha, cut.foreground, cut.verdict
    ground = _ground(cut)
    reasons = []
    error, interval = verdict.expected_error, verdict.interval
    if choice.picked is not None:
        candidate = _find(cut, choice.picked)
        alpha = candidate.alpha
        foreground = _colours(cut.photo, alpha, ground) if candidate.foreground is None else candidate.foreground
        reasons.append(f"A person picked {choice.picked}.")
        if candidate.expected_error is not None:
            error, interval = candidate.expected_error, (min(interval[0], candidate.expected_error), interval[1])
    if choice.strokes:
        certain_object, certain_background = paint(choice.strokes, choice.size)
        scene = Scene(cut.photo.rgb, ground, cut.photo.name)
        alpha = retouch(scene, alpha, certain_object, certain_background)
        foreground = _colours(cut.photo, alpha, ground)
        reasons.append(f"A person touched it up with {len(choice.strokes)} strokes.")
    judged = Verdict("good", error, interval, tuple(reasons), None, verdict.measures)
    chosen = None if choice.strokes else choice.picked or cut.chosen
    return Decided(cut.photo, alpha, foreground, cut.candidates, judged, cut.disagreement, cut.alignment, chosen)


def _find(cut: Finished, name: str) -> Candidate:
    for candidate in cut.candidates:
        if candidate.name == name:
            return candidate
    names = [candidate.name for candidate in cut.candidates]
    raise CutoutError(
        f"{cut.photo.name} has no candidate {name!r}.{nearest(name, names)} Pick one of {', '.join(names)}."
    )


def _ground(cut: Finished) -> Background | None:
    """Return the aligned plate as the background, None without one."""
    found = cut.alignment
    if found is None or not found.ok or found.aligned is None:
        return None
    return Background(found.aligned, found.residual, found.valid, "plate")


def _colours(photo: Photo, alpha: Alpha, ground: Background | None) -> RGB:
    from toprung.cutting.foreground.estimate import estimate_foreground

    return estimate_foreground(photo.rgb, alpha, ground)
