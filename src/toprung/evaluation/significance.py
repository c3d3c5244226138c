"""Whether two models differ for real, from what each said about the same pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toprung.errors import RunError
from toprung.evaluation.predictions import Predictions


@dataclass(frozen=True)
class PairedOutcome:
    """How often two models are right on the same pictures.

    Attributes:
        both: pictures that both get right.
        first_only: that only the first gets right.
        second_only: that only the second gets right.
        neither: that none gets right.
        p_value: probability of a difference at least as large if both were equally good, in [0, 1].
    """

    both: int
    first_only: int
    second_only: int
    neither: int
    p_value: float


def mcnemar(first: Predictions, second: Predictions) -> PairedOutcome:
    """Compare two sets of predictions by McNemar's exact test.

    Pictures that both get right, or both wrong, say nothing of which is better. If both were equally good, each of the
    others would be a fair coin's throw: the two-sided binomial probability is the p-value.

    Args:
        first, second: predictions of the same pictures, in any order; those without a label are left out.

    Raises:
        RunError: they do not hold the same pictures with the same labels.

    Source: McNemar 1947, "Note on the sampling error of the difference between correlated proportions"; exact form.
    """
    from scipy.stats import binomtest

    one, other = _right(first), _right(second)
    if sorted(one) != sorted(other):
        raise RunError(
            f"the two sets of predictions hold {len(one)} and {len(other)} labelled pictures, which are not the same; "
            "score both on the same pictures first."
        )
    pairs = [(one[key], other[key]) for key in one]
    counts = {outcome: pairs.count(outcome) for outcome in ((True, True), (True, False), (False, True), (False, False))}
    differing = counts[True, False] + counts[False, True]
    p_value = binomtest(counts[True, False], differing).pvalue if differing else 1.0
    return PairedOutcome(
        both=counts[True, True],
        first_only=counts[True, False],
        second_only=counts[False, True],
        neither=counts[False, False],
        p_value=float(p_value),
    )


def _right(predictions: Predictions) -> dict[tuple[str, int, str], bool]:
    """Return whether each labelled picture is right, by hash, number among its copies, and label."""
    seen: dict[tuple[str, str], int] = {}
    found = {}
    right = predictions.predicted == predictions.labels
    for row in np.flatnonzero(predictions.labels >= 0):
        key = (predictions.hashes[row], predictions.classes[predictions.labels[row]])
        seen[key] = seen.get(key, 0) + 1
        found[key[0], seen[key], key[1]] = bool(right[row])
    return found
