"""A smooth colour surface through scattered samples: a polynomial by evidence, and kriging of what it leaves.

Paper under a lamp is a polynomial of low degree in x and y (gradient, vignette) plus a slow remainder. The polynomial
alone is biased where the light is uneven, interpolation alone knows nothing under the object; together they are
universal kriging: where paper is seen the prediction follows it, under the object it returns to the polynomial, and
the predictive variance says how far it can be trusted.

Shapes: N samples, P terms of the polynomial, M places asked for, C = 3 channels.

Source:
    Matheron 1969, "Le krigeage universel"; Rasmussen & Williams 2006, "Gaussian Processes for Machine Learning", 2.7.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HIGHEST_DEGREE = 3
_FOLDS = 6
_CELLS = 18  # along the longer side; kriging is cubic in their number
_LENGTHS = (0.12, 0.3, 0.7)  # of the correlation, in units of half the longer side
_RATIOS = (0.0, 0.3, 1.0, 3.0)  # standard deviation of the slow remainder over that of the samples' noise


def basis(places: Floats, degree: int) -> Floats:
    """Return ``(N, P)``: all monomials of x and y up to ``degree`` at ``places`` ``(N, 2)``."""
    x, y = places[:, 0], places[:, 1]
    return np.stack([x ** (total - k) * y**k for total in range(degree + 1) for k in range(total + 1)], axis=1)


def fit_polynomial(places: Floats, colours: Floats, weights: Floats, degree: int) -> Floats:
    """Weighted least squares with a trace of ridge; returns the coefficients ``(P, C)``."""
    terms = basis(places, degree)
    weighted = terms * weights[:, None]
    gram = weighted.T @ terms
    ridge = 1e-9 * np.trace(gram) / len(gram) + 1e-12
    solution: Floats = np.linalg.solve(gram + ridge * np.eye(len(gram)), weighted.T @ colours)
    return solution


def degree_by_evidence(places: Floats, colours: Floats, weights: Floats, highest: int = HIGHEST_DEGREE) -> int:
    """Choose the degree by leaving out whole sectors of the picture, as an object does.

    The simplest degree whose error on the sectors left out is within 3 % (plus 0.05 levels of 255) of the best.

    Args:
        places: ``(N, 2)``, x and y in about [-1, 1].
        colours: ``(N, C)``.
        weights: ``(N,)``, 0 for samples that do not count.
        highest: the highest degree allowed.
    """
    centre = np.average(places, axis=0, weights=weights + 1e-12)
    turn = np.arctan2(*(places - centre).T)
    fold = np.floor((turn + np.pi) / (2 * np.pi) * _FOLDS).astype(int) % _FOLDS
    errors = []
    for degree in range(highest + 1):
        total = 0.0
        for left_out in range(_FOLDS):
            inside = fold != left_out
            if np.count_nonzero(weights[inside]) < 3 * (degree + 1) * (degree + 2):
                total = np.inf
                break
            solution = fit_polynomial(places[inside], colours[inside], weights[inside], degree)
            miss = colours[~inside] - basis(places[~inside], degree) @ solution
            total += float((weights[~inside] * (miss**2).mean(1)).sum())
        errors.append(np.sqrt(total / max(float(weights.sum()), 1e-12)))
    best = min(errors)
    if not np.isfinite(best):
        return 0
    return next(degree for degree, error in enumerate(errors) if error <= 1.03 * best + 0.05 / 255)


@dataclass(frozen=True)
class Surface:
    """A fitted surface, ready to predict.

    Attributes:
        degree: of the polynomial.
        coefficients: ``(P, C)``.
        places: ``(N, 2)`` of the samples kept for kriging.
        length: of the correlation; what kriging adds is ``k(M, N) @ dual``.
        amplitude: variance of the slow remainder, 0 without kriging.
        dual: ``(N, C)``.
        inverse: ``(N, N)`` of the samples' covariance.
        spread: ``(P, P)`` covariance of the coefficients.
    """

    degree: int
    coefficients: Floats
    places: Floats
    length: float
    amplitude: float
    dual: Floats
    inverse: Floats
    spread: Floats

    def predict(self, places: Floats) -> tuple[Floats, Floats]:
        """Return colours ``(M, C)`` and the standard deviation ``(M,)`` of the prediction."""
        terms = basis(places, self.degree)
        near = self.amplitude * _correlation(places, self.places, self.length)
        colours = terms @ self.coefficients + near @ self.dual
        solved = near @ self.inverse
        rest = terms - solved @ basis(self.places, self.degree)
        variance = self.amplitude - (solved * near).sum(1) + ((rest @ self.spread) * rest).sum(1)
        return colours, np.sqrt(np.maximum(variance, 0))


def fit_surface(places: Floats, colours: Floats, weights: Floats, highest: int = HIGHEST_DEGREE) -> Surface:
    """Fit polynomial and slow remainder, both by evidence.

    Args:
        places: ``(N, 2)``, x and y in about [-1, 1].
        colours: ``(N, C)``.
        weights: ``(N,)`` in [0, 1], the robust weight of each sample; at least one above 0.
        highest: the highest degree of the polynomial.
    """
    degree = degree_by_evidence(places, colours, weights, highest)
    coarse = fit_polynomial(places, colours, weights, degree)
    at, seen, mass = _pooled(places, colours - basis(places, degree) @ coarse, weights)
    noise = max(float(np.average((seen**2).mean(1), weights=mass)), (0.02 / 255) ** 2)
    diagonal = mass.mean() / mass
    terms = basis(at, degree)
    best: tuple[float, float, float, Floats] | None = None
    for length in _LENGTHS:
        shape = _correlation(at, at, length)
        for ratio in _RATIOS:
            if ratio == 0 and length != _LENGTHS[0]:
                continue
            covariance = ratio**2 * shape + np.diag(diagonal)
            score, scale, inverse = _evidence(covariance, terms, seen)
            if best is None or score > best[0] + 2.0:
                best = (score, length, ratio**2 * scale, inverse / scale)
    assert best is not None
    _, length, amplitude, inverse = best
    spread = np.asarray(np.linalg.inv(terms.T @ inverse @ terms + 1e-6 / noise * np.eye(terms.shape[1])), np.float64)
    correction = spread @ (terms.T @ inverse @ seen)
    dual = inverse @ (seen - terms @ correction)
    return Surface(degree, coarse + correction, at, length, amplitude, dual, inverse, spread)


def _pooled(places: Floats, values: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Average the samples by cells of a grid: places, values and total weights of the cells that hold any."""
    low, high = places.min(0), places.max(0)
    side = max(float((high - low).max()), 1e-6) / _CELLS * (1 + 1e-9)
    column, row = np.floor((places - low) / side).astype(int).T
    cell = row * (_CELLS + 1) + column
    mass = np.bincount(cell, weights, minlength=(_CELLS + 1) ** 2)
    held = mass > 0.02 * mass.max()

    def average(of: Floats) -> Floats:
        sums = np.bincount(cell, weights * of, minlength=len(mass))[held]
        return np.asarray(sums / mass[held], np.float64)

    at = np.stack([average(places[:, axis]) for axis in range(2)], 1)
    return at, np.stack([average(values[:, channel]) for channel in range(values.shape[1])], 1), mass[held]


def _correlation(first: Floats, second: Floats, length: float) -> Floats:
    """Return the squared-exponential correlation ``(N, M)``."""
    squares = ((first[:, None] - second[None]) ** 2).sum(-1)
    shape: Floats = np.exp(-squares / (2 * length**2))
    return shape


def _evidence(covariance: Floats, terms: Floats, seen: Floats) -> tuple[float, float, Floats]:
    """Return the restricted log-likelihood, the scale that maximises it, and the inverse of ``covariance``."""
    factor = np.linalg.cholesky(covariance)
    inverse = np.asarray(np.linalg.inv(covariance), np.float64)
    gram = terms.T @ inverse @ terms + 1e-9 * np.eye(terms.shape[1])
    projected = inverse - inverse @ terms @ np.linalg.solve(gram, terms.T @ inverse)
    count, channels = seen.shape
    freedom = channels * max(count - terms.shape[1], 1)
    scale = max(float(np.einsum("nc,nm,mc->", seen, projected, seen)) / freedom, (0.02 / 255) ** 2)
    log_determinant = 2 * float(np.log(np.diag(factor)).sum()) + float(np.linalg.slogdet(gram)[1])
    return -0.5 * (freedom * np.log(scale) + channels * log_determinant), scale, inverse
