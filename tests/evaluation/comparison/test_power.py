"""Power by simulation, and the smallest difference as its inverse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_effectsize

from toprung.evaluation.comparison.power import (
    _critical,
    mcnemar_power,
    smallest_paired_difference,
    smallest_unpaired_difference,
)
from toprung.evaluation.significance import binomial_p


@pytest.mark.parametrize(
    ("difference", "discordance", "pictures"), [(0.05, 0.1, 200), (0.0, 0.2, 100), (0.1, 0.3, 150)]
)
def test_power_is_how_often_the_test_rejects(difference: float, discordance: float, pictures: int) -> None:
    draw = np.random.default_rng(0)
    up, down = (discordance + difference) / 2, (discordance - difference) / 2
    counts = draw.multinomial(pictures, [up, down, 1 - up - down], size=20_000)
    table = {pair: binomial_p(*pair) < 0.05 for pair in {(int(a), int(b)) for a, b, _ in counts}}
    simulated = float(np.mean([table[int(a), int(b)] for a, b, _ in counts]))
    assert mcnemar_power(difference, discordance, pictures) == pytest.approx(simulated, abs=0.012)


@given(st.floats(0.0, 0.9), st.integers(1, 3000))
@settings(max_examples=40, deadline=None)
def test_without_a_difference_the_test_keeps_its_level(discordance: float, pictures: int) -> None:
    assert mcnemar_power(0.0, discordance, pictures) <= 0.05 + 1e-9


@pytest.mark.parametrize(("discordance", "pictures"), [(0.1, 230), (0.02, 1260), (0.3, 1873)])
def test_the_smallest_difference_has_its_power(discordance: float, pictures: int) -> None:
    found = smallest_paired_difference(discordance, pictures)
    assert found is not None
    assert mcnemar_power(found, max(discordance, found), pictures) >= 0.8
    less = found - 0.05 / pictures - 1e-4
    assert mcnemar_power(less, max(discordance, less), pictures) < 0.8


def test_five_pictures_show_nothing() -> None:
    """Even five changes one way are p = 0.0625."""
    assert smallest_paired_difference(0.5, 5) is None
    assert smallest_paired_difference(0.5, 6) is not None


def test_unpaired_against_statsmodels() -> None:
    found = smallest_unpaired_difference(0.7, 300, 300)
    effect = abs(proportion_effectsize(0.7 + found, 0.7))
    other = abs(proportion_effectsize(0.7 - found, 0.7))
    power = [NormalIndPower().power(e, 300, 0.05, ratio=1.0) for e in (effect, other)]
    assert max(power) == pytest.approx(0.8, abs=1e-3)


def test_the_critical_count_is_the_largest_that_is_shown() -> None:
    tosses = np.arange(300)
    for count, critical in zip(tosses, _critical(tosses, 0.05), strict=True):
        shown = [k for k in range(count // 2 + 1) if binomial_p(k, int(count) - k) < 0.05]
        assert critical == max(shown, default=-1)
