"""A budget is never exceeded by what it lets in, and never left unused by a rung that could use it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung.ladder.climb.budget import MARGIN, Cost, allot, duration


@st.composite
def costs(draw: st.DrawFn) -> list[Cost]:
    found = []
    for number in range(draw(st.integers(1, 6))):
        epochs = draw(st.integers(0, 40))
        least = draw(st.integers(1, epochs)) if epochs else 0
        per_epoch = draw(st.floats(0.1, 100)) if epochs else 0.0
        fixed = draw(st.floats(0.1, 50))
        found.append(Cost(f"rung{number}", fixed, per_epoch, epochs, least, draw(st.integers(1, 3))))
    return found


@given(costs(), st.floats(1, 5000))
def test_what_is_let_in_fits_with_margin(rungs: list[Cost], remaining: float) -> None:
    found = allot(rungs, remaining)
    assert sum(one.seconds for one in found.values()) * MARGIN <= remaining * (1 + 1e-9)
    for cost in rungs:
        one = found[cost.name]
        assert one.refusal or cost.least <= one.epochs <= cost.epochs
        assert one.refusal or one.seconds == pytest.approx(cost.seconds(one.epochs))


@given(costs())
def test_without_want_of_time_all_get_all_epochs(rungs: list[Cost]) -> None:
    found = allot(rungs, math.inf)
    assert {name: one.epochs for name, one in found.items()} == {cost.name: cost.epochs for cost in rungs}


@given(costs(), st.floats(1, 5000))
def test_no_further_epoch_would_fit(rungs: list[Cost], remaining: float) -> None:
    found = allot(rungs, remaining)
    left = remaining / MARGIN - sum(one.seconds for one in found.values())
    for cost in rungs:
        one = found[cost.name]
        if not one.refusal and one.epochs < cost.epochs:
            assert cost.runs * cost.per_epoch > left - 1e-6


@given(costs(), st.floats(1, 5000))
def test_the_first_rung_is_refused_only_when_it_cannot_finish_alone(rungs: list[Cost], remaining: float) -> None:
    first = rungs[0]
    assert bool(allot(rungs, remaining)[first.name].refusal) == (first.seconds(first.least) > remaining / MARGIN)


def test_a_refusal_says_what_it_would_take() -> None:
    found = allot([Cost("net", 10.0, 60.0, 12, 3)], 100.0)
    assert found["net"].refusal == ("needs 3 min even with 3 of 12 epochs, and 93 s of the budget would be left for it")


@pytest.mark.parametrize(("seconds", "text"), [(45, "45 s"), (720, "12 min"), (11_100, "3 h 05 min")])
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text
