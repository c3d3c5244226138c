"""Are two models really different? A paired test on the pictures that both answered."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toprung.errors import RunError
from toprung.evaluation.predictions import Predictions


@dataclass(frozen=True)
class PairedOutcome:
    """How two models did on the same pictures.

    Attributes:
        first_only: pictures that only the first model had right.
        second_only: pictures that only the second had right.
        both: pictures that both had right.
        neither: pictures that both had wrong.
        p_value: two-sided, in (0, 1]: how often two models that are equally good would differ at least as much by
            chance.
    """

    first_only: int
    second_only: int
    both: int
    neither: int
    p_value: float

    @property
    def pictures(self) -> int:
        """How many pictures were compared."""
        return self.first_only + self.second_only + self.both + self.neither


def mcnemar(first: Predictions, second: Predictions) -> PairedOutcome:
    """Compare two models by McNemar's exact test: the pictures that only one had right are tosses of a fair coin.

    Pictures are matched by content, in whatever order they stand; those without a label are left out. Overlapping
    intervals of two accuracies say little: most pictures are answered alike, and this test looks at the rest.

    Args:
        first: predictions of one model.
        second: of the other, on the same pictures with the same labels.

    Returns:
        The four counts and the p-value, ``min(1, 2 P(X <= min(b, c)))`` with ``X ~ Binomial(b + c, 1/2)``; 1 where the
        two were right on exactly the same pictures.

    Raises:
        RunError: other pictures, other labels, pictures without a content hash, or no labelled picture at all.

    Source: McNemar 1947, "Note on the sampling error of the difference between correlated proportions", Psychometrika
        12, in the exact form of Mosteller 1952.
    """
    keys, others = _keys(first), _keys(second)
    _refuse_others(list(keys), list(others))
    mine, theirs = _right(first, keys), _right(second, others)
    first_only, second_only = int((mine & ~theirs).sum()), int((~mine & theirs).sum())
    both = int((mine & theirs).sum())
    neither = len(mine) - first_only - second_only - both
    return PairedOutcome(first_only, second_only, both, neither, binomial_p(first_only, second_only))


def binomial_p(first_only: int, second_only: int) -> float:
    """Return the two-sided p-value of so many tosses either way of a fair coin, in (0, 1]."""
    from scipy.special import bdtr  # the binomial distribution, without the second that scipy.stats takes to import

    tosses = first_only + second_only
    return min(1.0, 2 * float(bdtr(min(first_only, second_only), tosses, 0.5))) if tosses else 1.0


_Key = tuple[str, str, int]  # content, name of the true class, and which of several equal files it is


def _keys(predictions: Predictions) -> dict[_Key, int]:
    """Return the row of every labelled picture, in an order that does not depend on that of the rows."""
    seen: Counter[tuple[str, str]] = Counter()
    rows: dict[_Key, int] = {}
    for row in np.flatnonzero(predictions.labels != -1):
        content = predictions.hashes[row]
        if not content:
            raise RunError(f"{predictions.paths[row]} has no content hash, so that nobody can tell what it is.")
        picture = (content, predictions.classes[predictions.labels[row]])
        rows[(*picture, seen[picture])] = int(row)
        seen[picture] += 1
    if not rows:
        raise RunError(f"none of {len(predictions)} pictures has a label, so there is nothing to compare.")
    return dict(sorted(rows.items()))


def _refuse_others(first: list[_Key], second: list[_Key]) -> None:
    if first == second:
        return
    mine, theirs = {key[0] for key in first}, {key[0] for key in second}
    if mine == theirs:
        raise RunError(
            "the two models were scored on the same pictures with other labels, so the two do not compare; "
            "score both on one source (toprung validate RUN PICTURES)."
        )
    raise RunError(
        f"the two models were scored on other pictures ({len(first)} and {len(second)}, {len(mine & theirs)} in "
        "common), so the two do not compare; score both on one source (toprung validate RUN PICTURES)."
    )


def _right(predictions: Predictions, rows: dict[_Key, int]) -> NDArray[np.bool_]:
    places = np.fromiter(rows.values(), dtype=np.int64, count=len(rows))
    right: NDArray[np.bool_] = (predictions.predicted == predictions.labels)[places]
    return right
