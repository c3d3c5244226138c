from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung.errors import RecipeError
from toprung.ladder.averaging.methods import Judgement, make_method, method_names

NAMES = ("a", "b", "c")


def never(shares: Sequence[float]) -> Judgement:
    raise AssertionError("no pictures are needed")


def members(shares: Sequence[float]) -> str:
    return "".join(name for name, share in zip(NAMES, shares, strict=False) if share > 0)


def test_uniform_and_weighted_shares() -> None:
    assert make_method("uniform").choose(NAMES, never).shares == (1 / 3, 1 / 3, 1 / 3)
    assert make_method("weighted", weights=(1.0, 0.0, 3.0)).choose(NAMES, never).shares == (0.25, 0.0, 0.75)


@given(st.floats(0.01, 0.99), st.lists(st.floats(-5, 5), min_size=2, max_size=8))
def test_exponential_is_an_ema_without_its_bias(decay: float, values: list[float]) -> None:
    """``m = d m + (1 - d) x``, divided by ``1 - d^n`` (Kingma & Ba 2015, section 3)."""
    average = 0.0
    for value in values:
        average = decay * average + (1 - decay) * value
    average /= 1 - decay ** len(values)
    shares = make_method("exponential", decay=decay).choose([str(i) for i in range(len(values))], never).shares
    found = math.fsum(share * value for share, value in zip(shares, values, strict=True))
    assert found == pytest.approx(average, abs=1e-9)
    assert all(later > earlier for earlier, later in itertools.pairwise(shares))


def test_greedy_adds_in_order_of_accuracy_and_keeps_only_what_is_strictly_better() -> None:
    """Worked by hand: b is best; a is tried next and changes nothing, c helps."""
    accuracy = {"a": 0.8, "b": 0.9, "c": 0.7, "ab": 0.9, "bc": 0.91}
    choice = make_method("greedy").choose(NAMES, lambda shares: Judgement(accuracy[members(shares)], 1.0))
    assert choice.shares == (0.0, 0.5, 0.5)
    assert [(step.what, step.kept) for step in choice.steps] == [("b alone", True), ("with a", False), ("with c", True)]


def test_of_equal_accuracies_greedy_starts_from_the_lower_loss() -> None:
    judged = {"a": (0.8, 0.5), "b": (0.8, 0.4), "ab": (0.8, 0.1)}
    choice = make_method("greedy").choose(NAMES[:2], lambda shares: Judgement(*judged[members(shares)]))
    assert choice.shares == (0.0, 1.0)


@given(st.lists(st.integers(0, 20), min_size=7, max_size=7))
def test_greedy_is_never_worse_than_the_best_alone_on_the_selection_pictures(right: list[int]) -> None:
    sets = ("a", "b", "c", "ab", "ac", "bc", "abc")
    accuracy = {name: count / 20 for name, count in zip(sets, right, strict=True)}
    choice = make_method("greedy").choose(NAMES, lambda shares: Judgement(accuracy[members(shares)], 1.0))
    assert math.isclose(sum(choice.shares), 1)
    assert len({share for share in choice.shares if share}) == 1
    result = accuracy[members(choice.shares)]
    assert result >= max(accuracy[name] for name in NAMES)
    kept = [step.judgement.accuracy for step in choice.steps if step.kept]
    assert kept == sorted(set(kept))
    assert kept[-1] == result


def test_interpolation_takes_the_best_place_of_its_curve() -> None:
    choice = make_method("interpolate").choose(NAMES[:2], lambda shares: Judgement(1 - (shares[1] - 0.3) ** 2, 1.0))
    assert choice.shares == (0.7, 0.3)
    assert [step.shares[1] for step in choice.steps] == pytest.approx([i / 10 for i in range(11)])
    assert [step.what for step in choice.steps if step.kept] == ["at 0.3"]


def test_of_equal_places_the_lower_loss_wins_then_the_first_model() -> None:
    method = make_method("interpolate", at=(1.0, 0.5, 0.0))
    assert method.choose(NAMES[:2], lambda shares: Judgement(0.5, shares[0])).shares == (0.0, 1.0)
    assert method.choose(NAMES[:2], lambda shares: Judgement(0.5, 1.0)).shares == (1.0, 0.0)


def test_one_place_needs_no_pictures() -> None:
    method = make_method("interpolate", at=(0.25,))
    assert not method.selects
    assert method.choose(NAMES[:2], never).shares == (0.75, 0.25)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("gready", {}, "no averaging method 'gready'. Did you mean greedy"),
        ("uniform", {"decay": 0.5}, "decay = 0.5 is not for uniform but for exponential"),
        ("weighted", {}, "are 0 for 3 models"),
        ("weighted", {"weights": (1.0, -1.0, 1.0)}, "weights = 1,-1,1 holds one that is not 0 or more"),
        ("weighted", {"weights": (1.0, float("nan"), 1.0)}, "not 0 or more"),
        ("weighted", {"weights": (0.0, 0.0, 0.0)}, "must not all be 0"),
        ("exponential", {"decay": 1.0}, "decay = 1.0 must lie between 0 and 1"),
        ("interpolate", {"at": (1.5,)}, "at = 1.5 must be places between 0"),
        ("interpolate", {"at": (0.5,)}, "3 are given; give two"),
    ],
)
def test_wrong_options_are_told(name: str, options: dict[str, object], said: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(said)):
        make_method(name, **options).choose(NAMES, never)


def test_the_command_lines_choices_are_the_methods() -> None:
    from toprung.cli.average import METHODS

    assert list(METHODS) == method_names()
