"""Scores of which only the counts are known: what can be said without knowing which pictures were right."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from toprung.errors import DataError
from toprung.evaluation.comparison.power import smallest_unpaired_difference
from toprung.evaluation.comparison.proportions import fisher_p, unpaired_interval
from toprung.evaluation.intervals import Interval, wilson
from toprung.evaluation.significance import binomial_p


@dataclass(frozen=True)
class Count:
    """So many right answers of so many pictures."""

    right: int
    pictures: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``1238/1260``, or ``0.98254/1260`` and ``98.254%/1260``, which must be a whole number of pictures.

        Raises:
            DataError: neither, or a share that no whole number of the pictures gives at its digits.
        """
        share, slash, whole = text.strip().partition("/")
        if not slash or not whole.strip().isdigit() or int(whole) < 1:
            raise DataError(f"{text!r} is not of the form right/pictures, such as 1238/1260.")
        pictures = int(whole)
        if share.strip().isdigit():
            if int(share) > pictures:
                raise DataError(f"{text!r} tells more right answers than pictures.")
            return cls(int(share), pictures)
        return cls(_whole(share.strip(), pictures, text), pictures)

    @property
    def accuracy(self) -> float:
        """In [0, 1]."""
        return self.right / self.pictures

    @property
    def interval(self) -> Interval:
        """Wilson's at 95 %."""
        low, high = wilson(self.right, self.pictures)
        return Interval(float(low), float(high))


@dataclass(frozen=True)
class CountComparison:
    """Two counts.

    Attributes:
        first, second: the counts.
        same_pictures: both are of the same number of pictures, perhaps the same ones.
        interval: 95 % interval of the second accuracy minus the first, pairs unknown.
        p_value: of Fisher's exact test, pairs unknown.
        best_paired_p: the least p that McNemar's exact test could give, if the same pictures were scored: all
            that changed, changed one way. ``None`` where the numbers of pictures differ.
        worst_paired_p: the largest.
        smallest_difference: that two such sets, unpaired, would show in 80 % of cases.
    """

    first: Count
    second: Count
    same_pictures: bool
    interval: Interval
    p_value: float
    best_paired_p: float | None
    worst_paired_p: float | None
    smallest_difference: float

    @property
    def difference(self) -> float:
        """The second accuracy minus the first."""
        return self.second.accuracy - self.first.accuracy


def compare_counts(first: Count, second: Count) -> CountComparison:
    """Compare two counts.

    On the same pictures McNemar's p depends on how many changed each way, which counts do not tell: with c - b known,
    fewer changes in all make it smaller. The least is that of b = 0.
    """
    same = first.pictures == second.pictures
    change = abs(second.right - first.right)
    both_ways = min(first.right, second.right, first.pictures - max(first.right, second.right))
    pooled = (first.right + second.right) / (first.pictures + second.pictures)
    return CountComparison(
        first=first,
        second=second,
        same_pictures=same,
        interval=unpaired_interval(first.right, first.pictures, second.right, second.pictures),
        p_value=fisher_p(first.right, first.pictures, second.right, second.pictures),
        best_paired_p=binomial_p(0, change) if same else None,
        worst_paired_p=binomial_p(both_ways, both_ways + change) if same else None,
        smallest_difference=smallest_unpaired_difference(pooled, first.pictures, second.pictures),
    )


def _whole(share: str, pictures: int, text: str) -> int:
    percent = share.endswith("%")
    digits = share.removesuffix("%").strip()
    try:
        value = float(digits)
    except ValueError:
        raise DataError(f"{text!r} is not of the form right/pictures, such as 1238/1260.") from None
    scale = 100 if percent else 1
    if not (math.isfinite(value) and 0 <= value <= scale):
        raise DataError(f"{text!r} tells a share outside of 0 … {scale}.")
    places = len(digits.partition(".")[2])
    right = round(value / scale * pictures)
    shown = right / pictures * scale
    # a rounded or a cut-off decimal may differ by one in its last digit
    if abs(shown - value) >= 1.0 * 10.0**-places:
        near = ", ".join(
            f"{k / pictures * scale:.{places}f}" for k in (right - 1, right, right + 1) if 0 <= k <= pictures
        )
        raise DataError(
            f"{text!r}: no whole number of {pictures} pictures gives {share}; the nearest give {near}. Is it a mean "
            "over classes, or of another number of pictures?"
        )
    return right
