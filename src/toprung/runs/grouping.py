"""Several inputs of each picture go through a classifier; what is said of them comes back picture by picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from toprung.data.input_source import InputSource
from toprung.evaluation.predictions import softmax
from toprung.runs.wrapping import PictureClassifier


class Answers(NamedTuple):
    """What is said of the inputs of one picture.

    Attributes:
        picture: its place in the list.
        shares: ``(V, C)`` float64 probabilities of its inputs in their order; none where it cannot be read.
        reason: why not.
    """

    picture: int
    shares: NDArray[np.float64]
    reason: str


def ask(
    classifier: PictureClassifier,
    inputs: Sequence[Sequence[InputSource]],
    *,
    batch_size: int,
    threads: int | None,
) -> Iterator[list[Answers]]:
    """Yield the pictures whose inputs have all been answered, in order, batch by batch.

    Args:
        classifier: which answers.
        inputs: of each picture, at least one.
        batch_size: inputs per forward pass; those of one picture may fall into several.
        threads: that decode; ``None`` for one per core.
    """
    ends = np.cumsum([len(of_one) for of_one in inputs])
    flat = [source for of_one in inputs for source in of_one]
    begun: dict[int, list[NDArray[np.float32]]] = {}
    failed: set[int] = set()
    for rows, logits, failures in classifier.stream(flat, batch_size=batch_size, threads=threads):
        finished: list[Answers] = []
        for row, reason in failures:
            picture = int(np.searchsorted(ends, row, side="right"))
            if picture not in failed:
                failed.add(picture)
                finished.append(Answers(picture, np.empty((0, logits.shape[1])), reason))
        for row, values in zip(rows, logits, strict=True):
            picture = int(np.searchsorted(ends, row, side="right"))
            begun.setdefault(picture, []).append(values)
            if len(begun[picture]) == len(inputs[picture]):
                finished.append(Answers(picture, softmax(np.stack(begun.pop(picture))), ""))
        yield sorted(finished, key=lambda one: one.picture)
