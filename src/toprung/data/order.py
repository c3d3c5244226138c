"""In which order training pictures come: a function of seed and epoch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toprung.seeding import generator


def batches_of_epoch(
    labels: NDArray[np.int64], epoch: int, *, seed: int, batch_size: int, balanced: bool
) -> NDArray[np.int64]:
    """Return ``(batches, batch_size)`` int64 rows of an epoch.

    Args:
        labels: ``(N,)`` int64.
        epoch: 0-based.
        seed: the run's.
        batch_size: at most N; ``N // batch_size`` batches are made.
        balanced: see :func:`balanced_order`; otherwise a permutation.
    """
    draw = generator(seed, "order", epoch)
    order = balanced_order(labels, draw) if balanced else draw.permutation(len(labels))
    count = len(order) // batch_size
    return order[: count * batch_size].reshape(count, batch_size)


def balanced_order(labels: NDArray[np.int64], draw: np.random.Generator) -> NDArray[np.int64]:
    """Return ``(N,)`` int64 rows in which all classes come equally often (± 1).

    Pictures of a class are taken in random order, and all of them once before one comes again.
    """
    present = np.unique(labels)
    rounds = -(-len(labels) // len(present))
    columns = []
    for label in present:
        rows = np.flatnonzero(labels == label)
        passes = [draw.permutation(rows) for _ in range(-(-rounds // len(rows)))]
        columns.append(np.concatenate(passes)[:rounds])
    by_round = np.stack(columns, axis=1)
    for row in by_round:
        draw.shuffle(row)
    return by_round.reshape(-1)[: len(labels)]
