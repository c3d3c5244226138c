"""Multinomial logistic regression, solved to convergence; the result is an ordinary linear classifier.

Legend: N pictures, D features, C classes.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from torch import nn

from toprung.errors import ModelError
from toprung.models.head_fitting import (
    Fitted,
    HeadData,
    HeadOptions,
    linear_on_plain,
    log_loss,
    logits_of,
    standardisation,
)

STRENGTHS = tuple(float(10.0**power) for power in np.arange(1.0, -6.5, -0.5))  # λ, the strongest first
GRADIENT = 1e-6  # largest entry of the objective's gradient at which a solution counts as converged
_ITERATIONS = 20_000
_WORSE = 3  # strengths in a row, each worse on validation than the best, after which weaker ones are not tried
_ABSENT = -30.0  # bias of a class that no training picture has


def build(*, classes: int, features: int) -> nn.Module:
    """Return a linear classifier."""
    return nn.Linear(features, classes)


def fit(data: HeadData, options: HeadOptions) -> Fitted:
    """Minimise mean cross-entropy + λ/2 ‖W‖² over standardised features, biases free, for a path of λ.

    scikit-learn's L-BFGS, from the strongest λ to weaker ones, each from the solution before it. The λ of the lowest
    validation log-loss is taken, and the standardisation is folded into weight and bias.

    Raises:
        ModelError: not even the strongest λ converged.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    mean, std = standardisation(data.train.values)
    rows, labels = (data.train.values - mean) / std, data.train.labels
    solver = LogisticRegression(tol=GRADIENT, max_iter=_ITERATIONS, warm_start=True)
    best: tuple[float, float, nn.Linear] | None = None
    worse = 0
    for strength in STRENGTHS:
        solver.set_params(C=1 / (strength * len(labels)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # told by the number of iterations
            solver.fit(rows, labels)
        if int(solver.n_iter_.max()) >= _ITERATIONS:
            break
        layer = linear_on_plain(
            *_all_classes(solver.coef_, solver.intercept_, solver.classes_, data.classes), mean, std
        )
        loss = log_loss(logits_of(layer, data.val.values), data.val.labels)
        if best is None or loss < best[0]:
            best, worse = (loss, strength, layer), 0
        else:
            worse += 1
            if worse == _WORSE:
                break
    if best is None:
        raise ModelError(f"the logistic regression did not converge in {_ITERATIONS} iterations; take another head.")
    return Fitted(best[2].eval(), f"λ = {best[1]:.2g}", {"features": rows.shape[1]})


def _all_classes(
    weight: NDArray[np.float64], bias: NDArray[np.float64], present: NDArray[np.int64], classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ``(C, D)`` and ``(C,)`` from scikit-learn's: one row for two classes, none for absent ones."""
    if len(present) == 2:  # its one row is the difference of the two
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    whole, biases = np.zeros((classes, weight.shape[1])), np.full(classes, _ABSENT)
    whole[present], biases[present] = weight, bias
    return whole, biases
