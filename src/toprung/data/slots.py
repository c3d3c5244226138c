"""The pictures of one batch, each loaded into its place of an array; those that cannot be opened are noted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from toprung.errors import UnreadableImage
from toprung.images.antialiased import Pixels


@dataclass(frozen=True)
class Failure:
    """A picture that could not be opened: its row, and the error that says why."""

    row: int
    error: UnreadableImage


class View(Protocol):
    """What is done to each picture when there is one view of it, such as :class:`toprung.data.eval_view.EvalView`."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the result in pixels."""

    def __call__(self, source: Any) -> Pixels:
        """Return ``(H, W, 3)`` uint8; raise UnreadableImage where there is no picture."""


class Slots:
    """Places of an array that pictures are loaded into.

    Args:
        sources: all pictures: paths, bytes, Pillow pictures or arrays.
        rows: which of them belong to the batch.
        view: what is done to each.
        pixels: ``(B, H, W, 3)`` uint8 that is written to.
    """

    def __init__(self, sources: Sequence[Any], rows: range, view: View, pixels: NDArray[np.uint8]) -> None:
        self._sources, self._rows, self._view, self._pixels = sources, rows, view, pixels
        self._errors: dict[int, UnreadableImage] = {}

    def jobs(self) -> list[Callable[[], None]]:
        """Return what loads each picture; to be called in any order, in any thread."""
        return [self._job(slot) for slot in range(len(self._rows))]

    @property
    def failures(self) -> list[Failure]:
        """The pictures that could not be opened, in order; known when all jobs are done."""
        return [Failure(self._rows[slot], self._errors[slot]) for slot in sorted(self._errors)]

    @property
    def good(self) -> list[int]:
        """Places of the array that hold a picture."""
        return [slot for slot in range(len(self._rows)) if slot not in self._errors]

    def _job(self, slot: int) -> Callable[[], None]:
        def load() -> None:
            try:
                self._pixels[slot] = self._view(self._sources[self._rows[slot]])
            except UnreadableImage as error:
                self._errors[slot] = error

        return load
