"""Run a frozen network once over pictures whose features are not known yet; what was done survives an interruption."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from toprung.data.loaders import EvalLoader, normalise
from toprung.data.preprocessing import Preprocessing
from toprung.data.slots import View
from toprung.errors import DataError, ModelError
from toprung.training.interrupt import Interrupted, StopSignal
from toprung.training.probe.store import FeatureStore

Progress = Callable[[int, int], None]

_PART = 512  # pictures in one file of the store
_SECONDS = 60.0  # after which a smaller one is written


@dataclass(frozen=True)
class Extractor:
    """A frozen network, ready to turn pictures into features.

    Attributes:
        compute: normalised pictures ``(B, 3, H, W)`` -> features ``(B, D)``.
        device: where it computes.
        preprocessing: the model's.
        batch_size: pictures per forward pass.
        threads: decoding threads, ``None`` for one per core.
    """

    compute: Callable[[Tensor], Tensor]
    device: torch.device
    preprocessing: Preprocessing
    batch_size: int
    threads: int | None = None

    def complete(self, store: FeatureStore, pictures: Mapping[str, Path], view: View, progress: Progress) -> int:
        """Compute the features that the store lacks, and add them to it part by part.

        Args:
            store: of this network and this view.
            pictures: content hash to a file with that content.
            view: from a file to an input.
            progress: called with the number of pictures done and of all that were lacking.

        Returns:
            How many pictures went through the network.

        Raises:
            Interrupted: on Ctrl-C or a signal; what was computed is in the store.
            DataError: a picture that was readable before no longer is.
            ModelError: features that are NaN or infinite.
            StorageError: full disk, or no permission.
        """
        lacking = [content for content in pictures if content not in store]
        loader = EvalLoader(
            [pictures[content] for content in lacking],
            None,
            view,
            batch_size=self.batch_size,
            threads=self.threads,
            pin=self.device.type == "cuda",
        )
        part = _Part(store)
        done = 0
        with StopSignal() as stop:
            for batch in loader:
                if loader.failures:
                    part.write()
                    raise DataError(f"a picture cannot be read any more: {loader.failures[0].error}")
                part.take([lacking[int(row)] for row in batch.rows], self._features(batch.images))
                done += len(batch.rows)
                progress(done, len(lacking))
                if stop.requested:
                    part.write()
                    raise Interrupted(
                        f"stopped by {stop.name or 'a signal'} after the features of {done} of {len(lacking)} pictures"
                    )
                if part.is_due():
                    part.write()
            if loader.failures:  # a whole batch, which the loader leaves out
                part.write()
                raise DataError(f"a picture cannot be read any more: {loader.failures[0].error}")
            part.write()
        return done

    def _features(self, images: Tensor) -> NDArray[np.float32]:
        how = self.preprocessing
        with torch.inference_mode():
            inputs = normalise(images.to(self.device, non_blocking=True), how.mean, how.std)
            features: NDArray[np.float32] = self.compute(inputs).float().cpu().numpy()
        if not np.isfinite(features).all():
            raise ModelError("the model gives NaN or infinite features; its weights are damaged or do not fit it.")
        return features


class _Part:
    """Features that are computed and not written yet."""

    def __init__(self, store: FeatureStore) -> None:
        self._store = store
        self._contents: list[str] = []
        self._features: list[NDArray[np.float32]] = []
        self._since = time.monotonic()

    def take(self, contents: list[str], features: NDArray[np.float32]) -> None:
        self._contents += contents
        self._features.append(features)

    def is_due(self) -> bool:
        return len(self._contents) >= _PART or time.monotonic() - self._since >= _SECONDS

    def write(self) -> None:
        if self._contents:
            self._store.add(self._contents, np.concatenate(self._features))
        self._contents, self._features, self._since = [], [], time.monotonic()
