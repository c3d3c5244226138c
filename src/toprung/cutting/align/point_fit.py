"""From point pairs to the transform that they support: which pairs agree, which model, how far to trust it."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.align.point_models import MODELS, Matrix, PointModel, apply
from toprung.cutting.align.point_trust import expected_corner_error, nonsense
from toprung.cutting.align.points import PointPairs
from toprung.seeding import generator

_WEIGHT_OF_PRIOR = 4.0  # the expected clicking noise counts like so many residuals
_WRONG_PAIRS = 0.05  # share of pairs that are expected not to belong together
_CLOSE = 4.0  # a simpler model that costs no more than this above the best is taken if its expected error is less
_GUESSES = 40  # small sets of pairs from which the search for those that agree begins


@dataclass(frozen=True)
class PointFit:
    """What point pairs say.

    Attributes:
        matrix: ``(3, 3)`` float64, plate pixel → photo pixel, centres at integers.
        model: name of the simplest transform that explains the pairs.
        agreeing: ``(N,)`` bool: the pairs that the transform rests on.
        errors: ``(N,)`` float64: distance in photo pixels between each photo point and where its plate point falls.
        noise_px: standard deviation of a coordinate of ``errors``, as estimated.
        expected_error_px: expected mean displacement error of the photo's corners, in photo pixels.
        problem: why the transform cannot be used, as a sentence, or "".
    """

    matrix: Matrix
    model: str
    agreeing: NDArray[np.bool_]
    errors: NDArray[np.float64]
    noise_px: float
    expected_error_px: float
    problem: str


@dataclass(frozen=True)
class _Try:
    cost: float
    model: PointModel
    matrix: Matrix
    agreeing: NDArray[np.bool_]


def fit_points(pairs: PointPairs, plate_shape: tuple[int, ...], photo_shape: tuple[int, ...]) -> PointFit:
    """Fit the simplest transform that explains the pairs, leaving out pairs that do not belong together.

    Model and agreeing pairs are chosen by one number, the negative logarithm of the pairs' probability. A pair is right
    with Gaussian noise, or (one in twenty) wrong and then anywhere on the photo; the noise is unknown, near a prior of
    :func:`clicking_noise`, and integrated out; each parameter costs half the logarithm of the count of coordinates. The
    prior is what keeps a homography through exactly four pairs from always winning: that it meets them exactly says
    nothing, while noise of about a pixel is expected of any hand. A simpler model that is nearly as probable is taken
    where its expected corner error is less.

    Args:
        pairs: at least one.
        plate_shape: height and width of the plate, and whatever follows.
        photo_shape: those of the photo.

    Source:
        Schwarz 1978, "Estimating the dimension of a model"; the noise has an inverse gamma prior (Gelman et al. 2013,
        "Bayesian data analysis", 3.2). Sets of few pairs as starts: Fischler & Bolles 1981.
    """
    noise = clicking_noise(plate_shape, photo_shape)
    area = float(photo_shape[0] * photo_shape[1])
    tries = [found for model in MODELS if (found := _best_of(model, pairs, noise, area)) is not None]
    best = min(tries, key=lambda found: found.cost)
    as_good = [found for found in tries[: tries.index(best) + 1] if found.cost < best.cost + _CLOSE]
    fits = [_judged(found, pairs, noise, plate_shape, photo_shape) for found in as_good]
    return min(fits, key=lambda fit: fit.expected_error_px)  # of equal ones, the simplest


def clicking_noise(plate_shape: tuple[int, ...], photo_shape: tuple[int, ...]) -> float:
    """Return the standard deviation in pixels, of both clicks of a pair together, that a hand is expected to have.

    0.7 pixels, half a pixel for each click, where the longest side has up to 1500 pixels; above that it grows with the
    side, as who clicks sees the picture made smaller.
    """
    return 0.7 * max(1.0, max(*plate_shape[:2], *photo_shape[:2]) / 1500)


def _judged(
    found: _Try, pairs: PointPairs, noise: float, plate_shape: tuple[int, ...], photo_shape: tuple[int, ...]
) -> PointFit:
    errors = _distances(found.matrix, pairs)
    count = int(found.agreeing.sum())
    rest = float((errors[found.agreeing] ** 2).sum())
    freedom = 2 * count - found.model.parameters
    sigma = math.sqrt((_WEIGHT_OF_PRIOR * noise**2 + rest) / (_WEIGHT_OF_PRIOR + freedom))
    if 2 * count <= len(pairs) and len(pairs) > 2:
        problem = f"only {count} of {len(pairs)} pairs agree with one transform; click them again."
    else:
        problem = nonsense(found.matrix, plate_shape, photo_shape)
    agreeing = PointPairs(pairs.plate[found.agreeing], pairs.photo[found.agreeing])
    expected = math.inf if problem else expected_corner_error(found.matrix, found.model, agreeing, sigma, photo_shape)
    return PointFit(found.matrix, found.model.name, found.agreeing, errors, sigma, expected, problem)


def _distances(matrix: Matrix, pairs: PointPairs) -> NDArray[np.float64]:
    errors = np.hypot(*(apply(matrix, pairs.plate) - pairs.photo).T)
    return np.where(np.isfinite(errors), errors, 1e9)


def _best_of(model: PointModel, pairs: PointPairs, noise: float, area: float) -> _Try | None:
    """Return the best agreeing pairs of one model, None when no set of them fixes it."""
    best: _Try | None = None
    for chosen in _starts(len(pairs), model.needed):
        found = _settle(model, pairs, chosen, noise, area)
        if found is not None and (best is None or found.cost < best.cost):
            best = found
        if best is not None and best.agreeing.all() and len(pairs) > 2 * model.needed + 1:
            squares = _distances(best.matrix, pairs) ** 2
            if float(squares.mean()) < 8 * noise**2:
                break  # so many pairs, as close as clicks are, do not hide a wrong one
    return best


def _starts(count: int, needed: int) -> list[NDArray[np.intp]]:
    """Return all pairs, and sets of as many as the model needs: each set, or random ones where there are many."""
    if count < needed:
        return []
    starts = [np.arange(count)]
    if count == needed:
        return starts
    if math.comb(count, needed) <= _GUESSES:
        return starts + [np.array(chosen) for chosen in itertools.combinations(range(count), needed)]
    random = generator(0, "point pairs")
    return starts + [random.choice(count, needed, replace=False) for _ in range(_GUESSES)]


def _settle(model: PointModel, pairs: PointPairs, chosen: NDArray[np.intp], noise: float, area: float) -> _Try | None:
    """Fit, see which pairs agree, fit again to those, until it gets no better."""
    best: _Try | None = None
    for _ in range(6):
        matrix = model.fit(pairs.plate[chosen], pairs.photo[chosen])
        if matrix is None:
            return best
        squared = _distances(matrix, pairs) ** 2
        order = np.argsort(squared, kind="stable")
        counts = np.arange(model.needed, len(pairs) + 1)
        costs = _cost(np.cumsum(squared[order])[counts - 1], counts, len(pairs), model.parameters, noise, area)
        count = int(counts[np.argmin(costs)])
        agreeing = np.zeros(len(pairs), bool)
        agreeing[order[:count]] = True
        if best is not None and not costs.min() < best.cost - 1e-9:
            return best
        best = _Try(float(costs.min()), model, matrix, agreeing)
        chosen = np.flatnonzero(agreeing)
    return best


def _cost(
    rest: NDArray[np.float64], counts: NDArray[np.intp], total: int, parameters: int, noise: float, area: float
) -> NDArray[np.float64]:
    """Return −log probability of ``counts`` agreeing pairs with ``rest`` as their sum of squared distances."""
    shape, scale = _WEIGHT_OF_PRIOR / 2, _WEIGHT_OF_PRIOR * noise**2 / 2
    gammas = np.array([math.lgamma(shape + count) for count in counts])
    right = counts * math.log(2 * math.pi) - shape * math.log(scale) + math.lgamma(shape) - gammas
    right = right + (shape + counts) * np.log(scale + rest / 2) - counts * math.log(1 - _WRONG_PAIRS)
    wrong = (total - counts) * (math.log(area) - math.log(_WRONG_PAIRS))
    return right + wrong + parameters / 2 * np.log(2 * counts)
