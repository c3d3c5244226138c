"""The expected error by kind of fault: which part of it is kept background, which lost object, and where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from toprung.cutting.judge.evidence import Map
from toprung.cutting.judge.view import View


@dataclass(frozen=True)
class Fault:
    """A kind of fault: how a sentence calls it, and the share of a pixel's error that is of this kind."""

    name: str
    words: str
    share: Callable[[View], Map]


def _rim(view: View) -> Map:
    return view.band


def _off_rim(view: View) -> Map:
    return 1 - view.band


def _shadow(view: View) -> Map:
    return (1 - view.band) * (view.evidence.is_object - view.evidence.is_object_or_lit).clip(0)


def _enclosed(view: View) -> Map:
    return (1 - view.band) * (1 - (view.evidence.is_object - view.evidence.is_object_or_lit).clip(0))


TOO_MUCH = (
    Fault("rim_kept", "a rim of background kept along the outline", _rim),
    Fault("shadow_kept", "shadow kept as if it were object", _shadow),
    Fault("background_kept", "background kept away from the outline, such as a closed hole", _enclosed),
)
TOO_LITTLE = (
    Fault("rim_lost", "the outline cut into the object", _rim),
    Fault("object_lost", "parts of the object lost", _off_rim),
)


def faults(view: View, too_much: Map, too_little: Map) -> dict[str, float]:
    """Return each fault's part of the raw expected error, as a share of the picture; they add up to it.

    Args:
        view: the candidate.
        too_much, too_little: ``(h, w)`` by how much its alpha is expected to lie above and below the truth.
    """
    found: dict[str, float] = {}
    for kinds, errors in ((TOO_MUCH, too_much), (TOO_LITTLE, too_little)):
        for fault in kinds:
            found[fault.name] = float(np.mean(errors * fault.share(view)))
    return found
