"""Sets of classes that hold the true one as often as asked: split conformal prediction.

Legend: N pictures, C classes; a score ``(N, C)`` says how ill each class fits each picture; α = 1 - coverage.

The promise needs nothing of the model, only that the pictures to come are like those calibrated on
(exchangeable): over many calibrations and pictures, the set holds the true class with probability >= 1 - α.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from toprung.errors import DataError, nearest


class Method(Protocol):
    """A way to say how ill a class fits a picture. ``randomised`` ones need a number per picture."""

    NAME: ClassVar[str]
    randomised: ClassVar[bool]

    def scores(self, probabilities: NDArray[np.float64], uniform: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``(N, C)`` scores from ``(N, C)`` probabilities and ``(N,)`` numbers in [0, 1)."""


METHODS: dict[str, Method] = {}


def register(method: type[Method]) -> type[Method]:
    """Make a method known under its ``NAME``."""
    METHODS[method.NAME] = method()
    return method


@register
@dataclass(frozen=True)
class Lac:
    """One minus the probability: the smallest sets on average, but uneven: too small for hard pictures.

    Source:
        Sadinle, Lei & Wasserman 2019, "Least ambiguous set-valued classifiers with bounded error levels".
    """

    NAME: ClassVar[str] = "lac"
    randomised: ClassVar[bool] = False

    def scores(self, probabilities: NDArray[np.float64], uniform: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return 1 - p."""
        return 1 - probabilities


@register
@dataclass(frozen=True)
class Aps:
    """Probability of all likelier classes, and a random part of the class's own: larger sets for hard pictures.

    Source:
        Romano, Sesia & Candès 2020, "Classification with valid and adaptive coverage", eq. 5 to 8.
    """

    NAME: ClassVar[str] = "aps"
    randomised: ClassVar[bool] = True

    def scores(self, probabilities: NDArray[np.float64], uniform: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return Σ of the likelier classes + u p."""
        order = np.argsort(-probabilities, axis=1, kind="stable")
        falling = np.take_along_axis(probabilities, order, axis=1)
        placed = np.cumsum(falling, axis=1) - falling + uniform[:, None] * falling
        scores = np.empty_like(placed)
        np.put_along_axis(scores, order, placed, axis=1)
        return scores


@register
@dataclass(frozen=True)
class Raps:
    """As APS, with a penalty for each class beyond the first few: no very long sets.

    Attributes:
        penalty: added per class beyond ``free`` (λ of the paper).
        free: classes without a penalty (k_reg).

    Source:
        Angelopoulos et al. 2021, "Uncertainty sets for image classifiers using conformal prediction", eq. 4; λ and
        k_reg as in their experiments on ImageNet.
    """

    NAME: ClassVar[str] = "raps"
    randomised: ClassVar[bool] = True
    penalty: float = 0.01
    free: int = 5

    def scores(self, probabilities: NDArray[np.float64], uniform: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the APS score + λ max(0, place - k_reg), the likeliest class in place 1."""
        order = np.argsort(-probabilities, axis=1, kind="stable")
        places = np.argsort(order, axis=1) + 1
        added: NDArray[np.float64] = self.penalty * np.maximum(places - self.free, 0)
        return Aps().scores(probabilities, uniform) + added


@dataclass(frozen=True)
class ConformalRule:
    """A calibrated rule: a class is in the set when its score is at most its limit.

    Attributes:
        method: name in ``METHODS``.
        coverage: what was asked for, 1 - α.
        limits: one limit per class, all the same unless it was calibrated class by class; infinite where there were
            too few pictures to leave the class out of any set.
    """

    method: str
    coverage: float
    limits: tuple[float, ...]

    def sets(self, probabilities: NDArray[np.float64], uniform: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return ``(N, C)`` bool: which classes are in the set of each picture; a set may be empty."""
        chosen = conformal_method(self.method)
        inside: NDArray[np.bool_] = chosen.scores(probabilities, uniform) <= np.asarray(self.limits)
        return inside


def conformal_method(name: str) -> Method:
    """Return a method by its name.

    Raises:
        DataError: unknown name.
    """
    if name not in METHODS:
        raise DataError(
            f"there is no conformal method {name!r}; there are {', '.join(METHODS)}.{nearest(name, METHODS)}"
        )
    return METHODS[name]


def conformal_limit(scores: NDArray[np.float64], coverage: float) -> float:
    """Return the ⌈(n + 1) coverage⌉-th smallest score, infinite where that is beyond the last.

    A new score, exchangeable with these, is at most the limit with probability >= coverage; and where no two are
    equal, with probability <= coverage + 1 / (n + 1).

    Args:
        scores: ``(n,)`` float64, of the true classes.
        coverage: in (0, 1).

    Raises:
        DataError: coverage is not in (0, 1).

    Source:
        Vovk, Gammerman & Shafer 2005, "Algorithmic learning in a random world"; Angelopoulos & Bates 2021, "A gentle
        introduction to conformal prediction", theorem 1.
    """
    if not 0 < coverage < 1:
        raise DataError(f"a coverage of {coverage!r} is not allowed: it must be between 0 and 1, such as 0.9.")
    # (n + 1) coverage may be whole up to a rounding: 10 × 0.9 must not become 10.
    place = math.ceil((len(scores) + 1) * coverage - 1e-9)
    return float(np.sort(scores)[place - 1]) if place <= len(scores) else math.inf


def calibrate_sets(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.int64],
    uniform: NDArray[np.float64],
    *,
    method: str = "lac",
    coverage: float = 0.9,
) -> ConformalRule:
    """Calibrate sets that hold the true class with probability >= coverage, over all classes together.

    Args:
        probabilities: ``(N, C)`` float64, of pictures that were not trained on.
        labels: ``(N,)`` int64.
        uniform: ``(N,)`` float64 in [0, 1), see :func:`uniform_of`.
        method: name in ``METHODS``.
        coverage: in (0, 1).

    Raises:
        DataError: unknown method, or coverage is not in (0, 1).
    """
    scores = conformal_method(method).scores(probabilities, uniform)[np.arange(len(labels)), labels]
    return ConformalRule(method, coverage, (conformal_limit(scores, coverage),) * probabilities.shape[1])


def calibrate_sets_by_class(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.int64],
    uniform: NDArray[np.float64],
    *,
    method: str = "lac",
    coverage: float = 0.9,
) -> ConformalRule:
    """Calibrate so that the promise holds for each class by itself, the rare and the hard ones too.

    A class with fewer than coverage / (1 - coverage) pictures is in every set: so few can promise nothing less.
    Arguments and errors are those of :func:`calibrate_sets`.

    Source:
        Vovk 2012, "Conditional validity of inductive conformal predictors" (Mondrian, label-conditional).
    """
    scores = conformal_method(method).scores(probabilities, uniform)[np.arange(len(labels)), labels]
    limits = (conformal_limit(scores[labels == c], coverage) for c in range(probabilities.shape[1]))
    return ConformalRule(method, coverage, tuple(limits))


def with_likeliest(sets: NDArray[np.bool_], probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the sets with the likeliest class put into the empty ones: nobody can use an empty set.

    A set that grows still holds what it held, so the promise stays.
    """
    filled = sets.copy()
    empty = np.flatnonzero(~sets.any(axis=1))
    filled[empty, probabilities[empty].argmax(axis=1)] = True
    return filled


def uniform_of(hashes: Sequence[str], seed: int = 0) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each picture, drawn from its content: the same wherever and whenever it is seen.

    Args:
        hashes: content hashes of the files.
        seed: another seed, other numbers.
    """
    numbers = [
        int.from_bytes(hashlib.blake2b(f"{seed} conformal {one}".encode(), digest_size=8).digest(), "big") >> 11
        for one in hashes
    ]
    return np.asarray(numbers, dtype=np.float64) / 2.0**53
