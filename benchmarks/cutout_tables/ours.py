"""toprung's own steps, in the form in which the peers are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.cutout_cases import Case


@dataclass(frozen=True)
class Aligned:
    """What the alignment table needs of toprung's answer."""

    matrix: np.ndarray
    refused: bool
    expected: float
    model: str


def align(plate: np.ndarray, photo: np.ndarray) -> Aligned:
    """toprung's alignment."""
    from toprung.cutting.align.align import align as own

    found = own(plate, photo)
    return Aligned(found.matrix, not found.ok, float(found.expected_error_px), f"{found.model}, {found.method}")


def cutout(case: Case) -> Any:
    """The whole pipeline with a plate, without any network."""
    import toprung

    return toprung.cutout(case.photo, plate=case.plate)


def all_candidates(case: Case) -> Any:
    """The pipeline with every method that needs neither a network nor a second paper, so that there is a choice."""
    import toprung
    from toprung.cutting.methods.registry import load_methods

    names = [name for name in load_methods() if name not in {"network", "two-papers"}]
    return toprung.cutout(case.photo, plate=case.plate, methods=names)


def two(case: Case, *, plates: bool) -> np.ndarray:
    """The whole pipeline with a second paper."""
    import toprung

    if plates:
        return toprung.cutout(case.photo, plate=case.plate, second=case.second, second_plate=case.second_plate).alpha
    return toprung.cutout(case.photo, second=case.second).alpha


def foreground(photo: np.ndarray, alpha: np.ndarray, plate: np.ndarray) -> np.ndarray:
    """Colours of the object, given alpha and the plate in the photo's frame."""
    from toprung.cutting.foreground import estimate_foreground

    return estimate_foreground(photo, alpha, plate)
