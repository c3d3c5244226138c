from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import softmax
from scipy.stats import entropy

from toprung.cli.looking_options import MERGES
from toprung.errors import RecipeError
from toprung.evaluation.merging import log_probabilities, merge_names, merge_of


def tiles(seed: int, count: int, classes: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).dirichlet(np.full(classes, 0.5), size=count)


@given(seed=st.integers(0, 999), count=st.integers(1, 30), classes=st.integers(2, 8), name=st.sampled_from(MERGES))
def test_every_merge_gives_probabilities_and_ignores_the_order(seed: int, count: int, classes: int, name: str) -> None:
    shares = tiles(seed, count, classes)
    portions = np.full(count, 1 / count)
    merged = merge_of(name)(shares, portions)
    assert merged.shape == (classes,)
    assert merged.sum() == pytest.approx(1)
    assert (merged >= 0).all()
    order = np.random.default_rng(seed).permutation(count)
    assert merge_of(name)(shares[order], portions) == pytest.approx(merged)


@given(seed=st.integers(0, 999), name=st.sampled_from(MERGES))
def test_one_tile_is_taken_as_it_is(seed: int, name: str) -> None:
    shares = tiles(seed, 1, 5)
    assert merge_of(name)(shares, np.ones(1)) == pytest.approx(shares[0])


def test_mean_is_numpys_average() -> None:
    shares, portions = tiles(0, 7, 4), np.random.default_rng(1).dirichlet(np.ones(7))
    assert merge_of("mean")(shares, portions) == pytest.approx(np.average(shares, axis=0, weights=portions))


def test_max_and_noisy_or_by_hand() -> None:
    shares = np.array([[0.9, 0.1], [0.4, 0.6]])
    assert merge_of("max")(shares, np.full(2, 0.5)) == pytest.approx([0.9 / 1.5, 0.6 / 1.5])
    some = np.array([1 - 0.1 * 0.6, 1 - 0.9 * 0.4])
    assert merge_of("noisy-or")(shares, np.full(2, 0.5)) == pytest.approx(some / some.sum())


def test_noisy_or_is_the_chance_that_some_tile_shows_the_class() -> None:
    shares = tiles(3, 4, 3)
    drawn = np.random.default_rng(0).random((200_000, 4, 3)) < shares
    some = drawn.any(axis=1).mean(axis=0)
    assert merge_of("noisy-or")(shares, np.full(4, 0.25)) == pytest.approx(some / some.sum(), abs=0.005)


def test_noisy_or_with_tiles_that_are_certain() -> None:
    shares = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert merge_of("noisy-or")(shares, np.full(2, 0.5)) == pytest.approx([1, 0])


def test_attention_is_a_softmax_of_minus_scipys_entropy() -> None:
    shares = tiles(5, 9, 6)
    weights = softmax(-entropy(shares, axis=1))
    assert merge_of("attention")(shares, np.full(9, 1 / 9)) == pytest.approx(weights @ shares)


def test_a_certain_tile_counts_as_much_as_there_are_classes() -> None:
    shares = np.array([[1.0, 0, 0, 0], [0.25, 0.25, 0.25, 0.25]])
    assert merge_of("attention")(shares, np.full(2, 0.5)) == pytest.approx([0.85, 0.05, 0.05, 0.05])


def test_logits_give_the_probabilities_back() -> None:
    shares = tiles(1, 3, 5)
    assert softmax(log_probabilities(shares).astype(float), axis=1) == pytest.approx(shares, abs=1e-6)
    assert np.isfinite(log_probabilities(np.array([0.0, 1.0]))).all()


def test_the_command_line_knows_every_merge() -> None:
    assert merge_names() == MERGES


def test_an_unknown_one_is_refused() -> None:
    with pytest.raises(RecipeError, match="Did you mean mean"):
        merge_of("means")
