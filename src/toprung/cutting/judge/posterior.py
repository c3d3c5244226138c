"""What the true alpha may be in each pixel, given the photo, the background and all candidates.

No measure of one candidate alone says how wrong it is: a rim of paper and a lost corner need different eyes. So the
judge first asks, pixel by pixel, how likely each value of the *true* alpha is, from the same evidence that the measures
use (does the pixel differ from the background, also if shadow is forgiven; which alpha do the colours imply; what do
the candidates say, here and nearby; which colours does the object have elsewhere). The expected error of any candidate
is then a sum over the pixels, and where it is large is a map.

It is done in rounds: with a guess of alpha come the object's colours, and with the expected errors come better weights
for the candidates' mean; both sharpen the next guess.

Source:
    Weighting the witnesses by their expected error and asking again is truth discovery, as in Dawid & Skene 1979,
    "Maximum likelihood estimation of observer error-rates using the EM algorithm"; the rest is made for this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.judge.evidence import Evidence, Map
from toprung.cutting.judge.features import lasting_features, passing_features, stack
from toprung.cutting.judge.network import Network

CENTRES = np.array([0, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1], np.float32)
"""Values of alpha whose probabilities are told apart; those between count as a mixture of two."""

_FLOOR = 2e-4  # of the expected errors by which candidates are weighted: 0.2 of 1000 is as good as none


@dataclass(frozen=True, eq=False)
class Posterior:
    """Probabilities of the true alpha, ``(len(CENTRES), h w)``."""

    probabilities: NDArray[np.float32]
    shape: tuple[int, int]

    @property
    def mean(self) -> Map:
        """``(h, w)`` the expected alpha."""
        return np.asarray((CENTRES @ self.probabilities).reshape(self.shape))

    def too_much(self, alpha: Map) -> Map:
        """``(h, w)`` by how much alpha is expected to lie above the truth: E max(α − truth, 0)."""
        return self._expected(alpha.ravel(), CENTRES)

    def too_little(self, alpha: Map) -> Map:
        """``(h, w)`` by how much alpha is expected to lie below the truth."""
        return self._expected(-alpha.ravel(), -CENTRES)

    def _expected(self, alpha: NDArray[np.float32], centres: NDArray[np.float32]) -> Map:
        total = np.zeros_like(alpha)
        for probability, centre in zip(self.probabilities, centres, strict=True):
            total += probability * np.maximum(alpha - centre, 0)
        return total.reshape(self.shape)

    def error(self, alpha: Map) -> float:
        """The expected mean absolute error of ``alpha``, before calibration."""
        flat = alpha.ravel()
        total = 0.0
        for probability, centre in zip(self.probabilities, CENTRES, strict=True):
            total += float(probability @ np.abs(flat - centre))
        return total / max(flat.size, 1)


def ask(evidence: Evidence, rounds: Sequence[Network]) -> Posterior:
    """Return the posterior after one round for each network given."""
    lasting = lasting_features(evidence)
    guess, weighted = evidence.consensus, evidence.spread[2]
    for network in rounds[:-1]:
        guess, weighted = reconsider(evidence, _once(evidence, lasting, guess, weighted, network))
    return _once(evidence, lasting, guess, weighted, rounds[-1])


def reconsider(evidence: Evidence, posterior: Posterior) -> tuple[Map, Map]:
    """Return the next guess and the candidates' mean, each weighted by its expected error to the power −2."""
    errors = np.array([posterior.error(alpha) for alpha in evidence.alphas.values()])
    weights = (errors + _FLOOR) ** -2.0
    weights /= weights.sum()
    weighted = np.zeros(posterior.shape, np.float32)
    for weight, alpha in zip(weights, evidence.alphas.values(), strict=True):
        weighted += np.float32(weight) * alpha
    return posterior.mean, weighted


def _once(evidence: Evidence, lasting: list[Map], guess: Map, weighted: Map, network: Network) -> Posterior:
    features = stack(lasting + passing_features(evidence, guess, weighted))
    return Posterior(network(features), guess.shape)
