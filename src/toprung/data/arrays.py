"""Batches of pictures as NumPy arrays, in order, for models that run without torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toprung.data.pipeline import batches_in_order, cores
from toprung.data.slots import Failure, Slots, View


@dataclass(frozen=True)
class ArrayBatch:
    """Pictures of a batch.

    Attributes:
        images: ``(B, 3, H, W)`` uint8; in memory channels come last.
        rows: their places in the list.
        failures: pictures of this batch that could not be opened; they have no row.
    """

    images: NDArray[np.uint8]
    rows: list[int]
    failures: list[Failure]


def array_batches(
    sources: Sequence[Any], view: View, *, batch_size: int, threads: int | None = None
) -> Iterator[ArrayBatch]:
    """Yield batches in order; one may hold no picture, if none of its files could be opened.

    Args:
        sources: paths, bytes, Pillow pictures or arrays.
        view: what is done to each picture.
        batch_size: pictures per batch.
        threads: decoding threads, ``None`` for one per core.
    """

    def start(rows: range) -> tuple[list[Callable[[], None]], Callable[[], ArrayBatch]]:
        pixels = np.empty((len(rows), *view.size, 3), dtype=np.uint8)
        slots = Slots(sources, rows, view, pixels)

        def finish() -> ArrayBatch:
            good = slots.good
            kept = pixels if len(good) == len(pixels) else pixels[good]
            return ArrayBatch(kept.transpose(0, 3, 1, 2), [rows[slot] for slot in good], slots.failures)

        return slots.jobs(), finish

    size = max(batch_size, 1)
    every = range(len(sources))
    plans = [every[first : first + size] for first in range(0, len(every), size)]
    return batches_in_order(plans, start, threads=threads or cores())
