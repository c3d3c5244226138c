"""Predictions: the hub between models and everything that is said about them.

A run stores, per picture: path, content hash, true label, logits; and the class names. Metrics, comparison,
fusion and the report read this file and never run the model again.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toprung.errors import RunError


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return probabilities, float64, of the shape of ``logits``; the last axis sums to 1."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


@dataclass(frozen=True)
class Predictions:
    """What a model said about a set of pictures.

    Attributes:
        paths: file of each picture, as text.
        hashes: content hash of each file (BLAKE2b-128, hex); two sets are comparable by these.
        labels: ``(N,)`` int64 true class indices, -1 where unknown.
        logits: ``(N, C)`` float32 scores before softmax.
        classes: the C class names.
    """

    paths: tuple[str, ...]
    hashes: tuple[str, ...]
    labels: NDArray[np.int64]
    logits: NDArray[np.float32]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        count = len(self.paths)
        if self.logits.shape != (count, len(self.classes)):
            raise RunError(
                f"predictions hold logits of shape {self.logits.shape} for {count} pictures "
                f"and {len(self.classes)} classes"
            )
        if len(self.hashes) != count or self.labels.shape != (count,):
            raise RunError(f"predictions hold {count} paths, {len(self.hashes)} hashes, {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """``(N, C)`` float64 softmax of the logits, rows sum to 1."""
        return softmax(self.logits)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """``(N,)`` int64 index of the highest logit (the first one on a tie)."""
        return self.logits.argmax(axis=1).astype(np.int64)

    def to_bytes(self) -> bytes:
        """Return the predictions as a compressed .npz file that holds no pickled object."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            paths=np.asarray(self.paths, dtype=np.str_),
            hashes=np.asarray(self.hashes, dtype=np.str_),
            labels=self.labels,
            logits=self.logits,
            classes=np.asarray(self.classes, dtype=np.str_),
        )
        return buffer.getvalue()

    @classmethod
    def read(cls, file: Path) -> Predictions:
        """Read a file written from :meth:`to_bytes`.

        Raises:
            RunError: the file is missing or is not a predictions file.
        """
        try:
            with np.load(file, allow_pickle=False) as data:
                return cls(
                    paths=tuple(str(p) for p in data["paths"]),
                    hashes=tuple(str(h) for h in data["hashes"]),
                    labels=data["labels"].astype(np.int64),
                    logits=data["logits"].astype(np.float32),
                    classes=tuple(str(c) for c in data["classes"]),
                )
        except FileNotFoundError:
            raise RunError(f"{file} is missing; the run holds no predictions for this split.") from None
        except (KeyError, ValueError, OSError, EOFError) as error:
            raise RunError(f"{file} is not a toprung predictions file ({error}).") from error
