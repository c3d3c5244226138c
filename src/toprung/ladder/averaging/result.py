"""What came of averaging, before it is written down."""

from __future__ import annotations

from dataclasses import dataclass

from toprung.checkpoints.averaging import AverageAccount
from toprung.evaluation.predictions import Predictions
from toprung.ladder.averaging.methods import Choice
from toprung.ladder.averaging.parents import Parent


@dataclass(frozen=True)
class Averaged:
    """An average and how it and its parents did.

    Attributes:
        parents: what was averaged.
        method: by its name.
        choice: the shares, and what was tried.
        account: what became of the tensors.
        statistics: how many training pictures BatchNorm's statistics were computed from; 0 where the model has none.
        predictions: of the average, by split.
        of_parents: of each parent, by split.
        best: place of the parent that is best on the selection pictures, where there are any.
    """

    parents: tuple[Parent, ...]
    method: str
    choice: Choice
    account: AverageAccount
    statistics: int
    predictions: dict[str, Predictions]
    of_parents: tuple[dict[str, Predictions], ...]
    best: int
