"""Fusing candidates: identities, and the better candidate of each place wins where enough agree."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung.cutting.fuse import disagreement_of, fuse_alphas

SHAPE = (40, 50)


def alpha_of(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(SHAPE).astype(np.float32)


def test_one_candidate_is_itself():
    alpha = alpha_of(0)
    assert fuse_alphas({"one": alpha}, {"one": 0.1}) is alpha
    assert (disagreement_of({"one": alpha}) == 0).all()


@given(st.integers(0, 1000), st.integers(2, 4))
def test_equal_candidates_are_left_as_they_are(seed, count):
    alpha = alpha_of(seed)
    names = [str(number) for number in range(count)]
    fused = fuse_alphas(dict.fromkeys(names, alpha), dict.fromkeys(names, 0.01))
    assert np.abs(fused - alpha).max() < 1e-6


@given(st.integers(0, 1000))
def test_the_fusion_lies_between_the_candidates(seed):
    alphas = {str(number): alpha_of(10 * seed + number) for number in range(3)}
    stack = np.stack(list(alphas.values()))
    fused = fuse_alphas(alphas, {"0": 0.01, "1": 0.02, "2": 0.05})
    assert (fused >= stack.min(0) - 1e-6).all() and (fused <= stack.max(0) + 1e-6).all()
    assert np.array_equal(disagreement_of(alphas), stack.max(0) - stack.min(0))


def test_three_that_fail_in_different_places_are_better_together_than_the_best():
    truth = np.zeros((90, 90), np.float32)
    truth[20:70, 20:70] = 1
    alphas = {}
    for number in range(3):
        wrong = truth.copy()
        wrong[25 + 15 * number : 37 + 15 * number, 25:60] = 0
        alphas[str(number)] = wrong
    fused = fuse_alphas(alphas, dict.fromkeys(alphas, 0.05))
    errors = [float(np.abs(alpha - truth).mean()) for alpha in alphas.values()]
    assert float(np.abs(fused - truth).mean()) < 0.2 * min(errors)


def test_of_two_that_differ_the_better_judged_decides():
    good, bad = np.ones(SHAPE, np.float32), np.zeros(SHAPE, np.float32)
    assert fuse_alphas({"bad": bad, "good": good}, {"bad": 0.2, "good": 0.01}).min() > 0.99


@pytest.mark.parametrize("error", [0.0, 1e-9])
def test_an_expected_error_of_nothing_does_not_divide_by_it(error):
    fused = fuse_alphas({"a": alpha_of(1), "b": alpha_of(2)}, {"a": error, "b": 0.1})
    assert np.isfinite(fused).all()
