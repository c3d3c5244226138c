from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from toprung.models.heads._ridge import centred_path, dual_path, primal_path


@given(
    rows=st.integers(1, 30),
    columns=st.integers(1, 30),
    strength=st.floats(1e-2, 1e4),
    seed=st.integers(0, 1000),
)
def test_primal_and_dual_give_the_same_weights(rows: int, columns: int, strength: float, seed: int) -> None:
    draw = np.random.default_rng(seed)
    matrix, targets = draw.normal(size=(rows, columns)), draw.normal(size=(rows, 3))
    primal = primal_path(matrix.T @ matrix, matrix.T @ targets).weights(strength)
    dual = dual_path(matrix, targets).weights(strength)
    assert np.abs(primal - dual).max() <= 1e-10 * max(1.0, np.abs(primal).max())


def _blocks(matrix: np.ndarray, targets: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(matrix[start : start + 7], targets[start : start + 7]) for start in range(0, len(matrix), 7)]


@pytest.mark.parametrize("shape", [(40, 12), (12, 40), (12, 12)])
@pytest.mark.parametrize("strength", [1e-3, 1.0, 100.0])
def test_weights_are_those_of_scikit_learn(shape: tuple[int, int], strength: float) -> None:
    draw = np.random.default_rng(1)
    matrix, targets = draw.normal(3, 1, shape), draw.normal(size=(shape[0], 4))
    targets -= targets.mean(0)
    path, means = centred_path(_blocks(matrix, targets), count=shape[0], width=shape[1])
    theirs = Ridge(alpha=strength, solver="cholesky").fit(matrix, targets)
    np.testing.assert_allclose(path.weights(strength), theirs.coef_.T, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(-means @ path.weights(strength), theirs.intercept_, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("shape", [(40, 12), (12, 40)])
def test_the_smaller_decomposition_is_taken(shape: tuple[int, int]) -> None:
    draw = np.random.default_rng(2)
    matrix, targets = draw.normal(size=shape), draw.normal(size=(shape[0], 2))
    path, _ = centred_path(_blocks(matrix, targets), count=shape[0], width=shape[1])
    assert len(path.eigenvalues) == 12


def test_predictions_of_many_strengths_are_those_of_each() -> None:
    draw = np.random.default_rng(3)
    matrix, targets, other = draw.normal(size=(20, 7)), draw.normal(size=(20, 2)), draw.normal(size=(5, 7))
    path = dual_path(matrix, targets)
    for strength, found in zip([0.1, 3.0], path.predictions(other, [0.1, 3.0]), strict=True):
        np.testing.assert_allclose(found, other @ path.weights(strength), rtol=1e-10)
