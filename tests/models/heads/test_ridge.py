from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from toprung.models.heads._ridge import dual_path, primal_path, ridge_path


@given(
    rows=st.integers(1, 30),
    columns=st.integers(1, 30),
    strength=st.floats(1e-2, 1e4),
    seed=st.integers(0, 1000),
)
def test_primal_and_dual_give_the_same_weights(rows: int, columns: int, strength: float, seed: int) -> None:
    draw = np.random.default_rng(seed)
    matrix, targets = draw.normal(size=(rows, columns)), draw.normal(size=(rows, 3))
    primal = primal_path(matrix, targets).weights(strength)
    dual = dual_path(matrix, targets).weights(strength)
    assert np.abs(primal - dual).max() <= 1e-10 * max(1.0, np.abs(primal).max())


@pytest.mark.parametrize("shape", [(40, 12), (12, 40)])
@pytest.mark.parametrize("strength", [1e-3, 1.0, 100.0])
def test_weights_are_those_of_scikit_learn(shape: tuple[int, int], strength: float) -> None:
    draw = np.random.default_rng(1)
    matrix, targets = draw.normal(size=shape), draw.normal(size=(shape[0], 4))
    theirs = Ridge(alpha=strength, fit_intercept=False, solver="cholesky").fit(matrix, targets).coef_.T
    np.testing.assert_allclose(ridge_path(matrix, targets).weights(strength), theirs, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("shape", "size"), [((40, 12), 12), ((12, 40), 12)])
def test_the_smaller_decomposition_is_taken(shape: tuple[int, int], size: int) -> None:
    draw = np.random.default_rng(2)
    path = ridge_path(draw.normal(size=shape), draw.normal(size=(shape[0], 2)))
    assert len(path.eigenvalues) == size


def test_predictions_of_many_strengths_are_those_of_each() -> None:
    draw = np.random.default_rng(3)
    matrix, targets, other = draw.normal(size=(20, 7)), draw.normal(size=(20, 2)), draw.normal(size=(5, 7))
    path = ridge_path(matrix, targets)
    for strength, found in zip([0.1, 3.0], path.predictions(other, [0.1, 3.0]), strict=True):
        np.testing.assert_allclose(found, other @ path.weights(strength), rtol=1e-10)
