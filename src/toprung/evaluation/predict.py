"""Run a model over batches of pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from toprung.data.loaders import normalise
from toprung.data.preprocessing import Preprocessing


class PictureBatch(Protocol):
    """What an evaluation loader yields: uint8 ``(B, 3, H, W)`` pictures and their rows in the table."""

    @property
    def images(self) -> Tensor:
        """The pictures."""

    @property
    def rows(self) -> Tensor:
        """Their rows."""


def predict_batches(
    model: nn.Module, batches: Iterable[PictureBatch], preprocessing: Preprocessing
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Yield rows ``(B,)`` and logits ``(B, C)`` of each batch.

    Args:
        model: in eval mode; its first parameter says on which device the work is done.
        batches: from an evaluation loader.
        preprocessing: the model's.
    """
    device = next(model.parameters()).device
    for batch in batches:
        # not around the yield: a suspended generator would leave its caller in inference mode
        with torch.inference_mode():
            images = batch.images.to(device, non_blocking=True)
            logits = model(normalise(images, preprocessing.mean, preprocessing.std)).float().cpu().numpy()
        yield batch.rows.numpy(), logits


def predict_all(
    model: nn.Module, batches: Iterable[PictureBatch], preprocessing: Preprocessing
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return rows ``(N,)`` and logits ``(N, C)`` of all batches, in the order in which they came."""
    parts = list(predict_batches(model, batches, preprocessing))
    if not parts:  # a process that got none of a few pictures
        return np.empty(0, np.int64), np.empty((0, 0), np.float32)
    rows, logits = zip(*parts, strict=True)
    return np.concatenate(rows), np.concatenate(logits)
