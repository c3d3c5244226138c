"""From numbers to a verdict: good, check or failed, and why."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from toprung.cutting.judge.faults import TOO_LITTLE, TOO_MUCH, faults
from toprung.cutting.judge.fitted import Fitted
from toprung.cutting.judge.place import worst_place
from toprung.cutting.judge.posterior import Posterior
from toprung.cutting.judge.registry import load_measures
from toprung.cutting.judge.spill import spill
from toprung.cutting.judge.view import View
from toprung.cutting.scene import RGB, Verdict

# A cutout is as good as its outline: an error of a twentieth of the object is a rim of two pixels about an object of
# 160 pixels, which shows on no other background; a fifth is a missing handle or a shadow cut out with the object.
GOOD_OF_OBJECT, FAILED_OF_OBJECT = 0.05, 0.2
# And of the picture, for objects that fill it: 14 of 1000 is what the whole pipeline is meant to reach on average.
GOOD_OF_PICTURE, FAILED_OF_PICTURE = 0.014, 0.06
NO_OBJECT = 0.001  # share of the picture below which there is no object
ALL_OBJECT = 0.98
_WORTH_SAYING = 0.15  # share of the expected error from which a fault is worth a sentence
_DISPUTED = 0.02  # share of the picture on which candidates differ by more than half
_ALIKE = 0.5  # mean reliability of colours along the outline below which object and background look alike


def give(view: View, posterior: Posterior, fitted: Fitted, foreground: RGB | None) -> Verdict:
    """Judge one candidate whose scene has been looked at.

    Args:
        view: the candidate.
        posterior: what the true alpha may be.
        fitted: the calibration.
        foreground: ``(h, w, 3)`` the candidate's colours at working size, None when it has none.
    """
    too_much, too_little = posterior.too_much(view.alpha), posterior.too_little(view.alpha)
    parts = faults(view, too_much, too_little)
    raw = sum(parts.values())
    expected, interval = fitted.calibrated(raw)
    measures = {name: float(np.mean(measure(view))) for name, measure in load_measures().items()}
    measures |= parts | {"object": float(posterior.mean.mean()), "raw_error": raw}
    if foreground is not None:
        measures["spill"] = spill(view, foreground)
    status = grade(expected, measures["object"])
    reasons = _first_reason(view, expected, interval, measures) + _fault_reasons(parts, raw, expected)
    reasons += _scene_reasons(view, measures)
    place = None if status == "good" else worst_place(too_much + too_little, view.evidence)
    return Verdict(status, expected, interval, tuple(reasons), place, MappingProxyType(measures))


def grade(expected: float, share: float) -> str:
    """Return "good", "check" or "failed" for an expected error and the share of the picture that the object has."""
    of_object = expected / max(share, NO_OBJECT)
    if share < NO_OBJECT or share > ALL_OBJECT:
        return "failed" if expected > FAILED_OF_PICTURE else "check"
    if of_object > FAILED_OF_OBJECT or expected > FAILED_OF_PICTURE:
        return "failed"
    if of_object < GOOD_OF_OBJECT and expected < GOOD_OF_PICTURE:
        return "good"
    return "check"


def _first_reason(
    view: View, expected: float, interval: tuple[float, float], measures: Mapping[str, float]
) -> list[str]:
    share = measures["object"]
    error = (
        f"Alpha is expected to be wrong by {1000 * expected:.1f} of 1000 on average"
        f" (90 %: {1000 * interval[0]:.1f} to {1000 * interval[1]:.1f})"
    )
    if share < NO_OBJECT:
        return ["No object is seen: nothing in the photo differs enough from the background.", f"{error}."]
    if share > ALL_OBJECT:
        return ["The object fills the picture, or the background is not known: nothing is left to cut.", f"{error}."]
    sentences = [f"{error}, {100 * expected / share:.0f} % of the object."]
    if view.alpha.max() < 0.5:
        sentences.insert(0, f"Nothing was cut out, though an object is seen on {100 * share:.1f} % of the picture.")
    return sentences


def _fault_reasons(parts: Mapping[str, float], raw: float, expected: float) -> list[str]:
    words = {fault.name: fault.words for fault in TOO_MUCH + TOO_LITTLE}
    worth = [name for name in parts if parts[name] > _WORTH_SAYING * raw and expected > GOOD_OF_PICTURE / 4]
    worth.sort(key=lambda name: -parts[name])
    return [
        f"{words[name][0].upper()}{words[name][1:]}: {1000 * expected * parts[name] / raw:.1f} of 1000 of it."
        for name in worth
    ]


def _scene_reasons(view: View, measures: Mapping[str, float]) -> list[str]:
    evidence = view.evidence
    lowest, highest, _ = evidence.spread
    disputed = float((highest - lowest > 0.5).mean())
    width = float(view.band.sum())
    reliable = float((view.reliability * view.band).sum()) / width if width else 1.0
    known = float(evidence.background.valid.mean())
    said = (
        (disputed > _DISPUTED, f"The candidates differ by more than half on {100 * disputed:.1f} % of the picture."),
        (known < 0.5, f"The background is known on {100 * known:.0f} % of the picture only."),
        (
            known >= 0.5 and reliable < _ALIKE,
            f"Object and background look alike along the outline: colours decide {100 * reliable:.0f} % of it.",
        ),
        (
            evidence.alignment_error > 1,
            f"The plate's alignment is expected to be off by {evidence.alignment_error:.1f} pixels.",
        ),
        (
            measures.get("spill", 0) > 0.15,
            f"The soft pixels' colours hold {100 * measures.get('spill', 0):.0f} % of the background's.",
        ),
    )
    return [sentence for holds, sentence in said if holds]
