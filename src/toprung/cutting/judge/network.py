"""A small fully connected network over pixels: weights in, probabilities out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CHUNK = 8192  # pixels at a time: what the processor's cache holds


@dataclass(frozen=True, eq=False)
class Network:
    """Layers of (weights ``(out, in)``, bias ``(out, 1)``), ReLU between them, softmax after the last."""

    layers: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return ``(classes, pixels)`` probabilities of ``(features, pixels)``."""
        pixels = features.shape[1]
        out = np.empty((len(self.layers[-1][1]), pixels), np.float32)
        for start in range(0, pixels, _CHUNK):
            values = np.ascontiguousarray(features[:, start : start + _CHUNK])
            for depth, (weights, bias) in enumerate(self.layers):
                values = weights @ values
                values += bias
                if depth < len(self.layers) - 1:
                    np.maximum(values, 0, out=values)
            values -= values.max(axis=0)
            np.exp(values, out=values)
            values /= values.sum(axis=0)
            out[:, start : start + _CHUNK] = values
        return out

    @staticmethod
    def read(stored: Sequence[Any]) -> Network:
        """Build it from lists ``[{"weights": [[...]], "bias": [...]}, ...]``."""
        return Network(
            tuple(
                (np.array(layer["weights"], np.float32), np.array(layer["bias"], np.float32)[:, None])
                for layer in stored
            )
        )
