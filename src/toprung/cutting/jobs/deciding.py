"""A person's decision about one photo, laid over its automatic cutout."""

from __future__ import annotations

from dataclasses import replace

from toprung.cutting.result import Cutout
from toprung.cutting.review.choices import Choice
from toprung.cutting.review.retouch import retouch
from toprung.cutting.review.strokes import paint
from toprung.cutting.scene import RGB, Alpha, Background, Candidate, Photo, Scene, Verdict
from toprung.errors import CutoutError, nearest


def decided(cut: Cutout, choice: Choice) -> Cutout:
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
    ground = cut.background
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
        count = len(choice.strokes)
        reasons.append(f"A person touched it up with {count} {'stroke' if count == 1 else 'strokes'}.")
    judged = Verdict("good", error, interval, tuple(reasons), None, verdict.measures)
    chosen = None if choice.strokes else choice.picked or cut.chosen
    return replace(cut, alpha=alpha, foreground=foreground, verdict=judged, chosen=chosen)


def _find(cut: Cutout, name: str) -> Candidate:
    for candidate in cut.candidates:
        if candidate.name == name:
            return candidate
    names = [candidate.name for candidate in cut.candidates]
    raise CutoutError(
        f"{cut.photo.name} has no candidate {name!r}.{nearest(name, names)} Pick one of {', '.join(names)}."
    )


def _colours(photo: Photo, alpha: Alpha, ground: Background | None) -> RGB:
    from toprung.cutting.foreground.estimate import estimate_foreground

    return estimate_foreground(photo.rgb, alpha, ground)
