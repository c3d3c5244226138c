"""An exported model that classifies pictures through ONNX Runtime; torch is not needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from toprung.data.arrays import array_batches
from toprung.data.eval_view import EvalView
from toprung.runs.exported.description import ExportDescription
from toprung.runs.exported.onnx_session import OnnxSession
from toprung.runs.wrapping import Streamed, StreamingClassifier


class OnnxClassifier(StreamingClassifier):
    """A model with its class names and preprocessing, like :class:`toprung.runs.classifier.Classifier`.

    Pictures are decoded, resized and cropped to the same bits as there.
    """

    def __init__(self, session: OnnxSession) -> None:
        self._session = session
        self._view = EvalView(session.description.preprocessing)

    @classmethod
    def open(cls, file: Path, device: str = "auto") -> OnnxClassifier:
        """Load a file.

        Raises:
            RunError: as :class:`toprung.runs.exported.onnx_session.OnnxSession`.
        """
        return cls(OnnxSession(file, device))

    @property
    def description(self) -> ExportDescription:
        """What the file says of itself: name, architecture, preprocessing."""
        return self._session.description

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, by output."""
        return self.description.classes

    def stream(self, paths: Sequence[Any], *, batch_size: int, threads: int | None = None) -> Iterator[Streamed]:
        """Yield rows, logits and the unreadable files (row, reason), in order, batch by batch."""
        nothing = np.empty((0, len(self.classes)), dtype=np.float32)
        for batch in array_batches(paths, self._view, batch_size=batch_size, threads=threads):
            logits = self._session(batch.images) if batch.rows else nothing
            yield batch.rows, logits, [(failure.row, str(failure.error)) for failure in batch.failures]
