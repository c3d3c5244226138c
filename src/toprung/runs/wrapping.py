"""Classifiers around a classifier: what one has to offer, and what those around it have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from toprung.errors import UnreadableImage
from toprung.runs.classifier import Prediction

Streamed = tuple[list[int], NDArray[np.float32], list[tuple[int, str]]]
"""Rows, their logits ``(B, C)``, and rows of pictures that cannot be read with the reason."""


class PictureClassifier(Protocol):
    """Whatever classifies pictures: a saved model, several fused, or one of the classifiers around another."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, by output."""

    def stream(self, paths: Sequence[Any], *, batch_size: int, threads: int | None = None) -> Iterator[Streamed]:
        """Yield what is said of pictures, in order, batch by batch."""


class WrappingClassifier(ABC):
    """A classifier that asks another one several times about each picture.

    Args:
        inner: the classifier that is asked. It must hand what it is given on to
            :class:`toprung.data.eval_view.EvalView`, as saved models do.
    """

    def __init__(self, inner: PictureClassifier) -> None:
        self.inner = inner

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, by output."""
        return self.inner.classes

    @abstractmethod
    def stream(self, paths: Sequence[Any], *, batch_size: int, threads: int | None = None) -> Iterator[Streamed]:
        """Yield rows, logits and unreadable pictures, in order; ``batch_size`` inputs go through the model at once."""

    @overload
    def predict(self, pictures: list[Any] | tuple[Any, ...], *, batch_size: int = 32) -> list[Prediction]: ...
    @overload
    def predict(self, pictures: Any, *, batch_size: int = 32) -> Prediction: ...
    def predict(self, pictures: Any, *, batch_size: int = 32) -> Prediction | list[Prediction]:
        """Classify one picture or a list of them, as :meth:`toprung.runs.classifier.Classifier.predict` does.

        Raises:
            UnreadableImage: a picture cannot be opened.
        """
        if isinstance(pictures, (list, tuple)):
            return [Prediction.of(self.classes, row) for row in self.logits(pictures, batch_size=batch_size)]
        return Prediction.of(self.classes, self.logits([pictures], batch_size=batch_size)[0])

    def logits(self, pictures: Sequence[Any], *, batch_size: int = 32) -> NDArray[np.float32]:
        """Return ``(N, C)`` float32 logits of pictures, as :meth:`predict` takes them."""
        sources = [Path(item) if isinstance(item, str) else item for item in pictures]
        found = np.empty((len(sources), len(self.classes)), dtype=np.float32)
        for rows, logits, failures in self.stream(sources, batch_size=batch_size):
            if failures:
                raise UnreadableImage(failures[0][1])
            found[rows] = logits
        return found
