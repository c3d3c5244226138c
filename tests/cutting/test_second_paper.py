"""A second photo on another paper decides the cutout."""

from __future__ import annotations

import numpy as np
import pytest

import toprung
from benchmarks.cutout_cases import make_case
from benchmarks.cutout_metrics import mae


@pytest.mark.parametrize("with_plates", [True, False])
def test_two_papers_are_taken_over_better_judged_candidates(with_plates: bool) -> None:
    case = make_case(5, "camouflaged", "paper", size=(150, 200))
    alone = toprung.cutout(case.photo, plate=case.plate if with_plates else None)
    plates = {"plate": case.plate, "second_plate": case.second_plate} if with_plates else {}
    both = toprung.cutout(case.photo, second=case.second, **plates)
    assert both.chosen == "two-papers"
    assert both.candidates[0].name == "two-papers"
    assert alone.chosen != "two-papers"
    assert mae(both.alpha, case.alpha) < mae(alone.alpha, case.alpha)
    assert np.array_equal(both.alpha, both.candidates[0].alpha)
