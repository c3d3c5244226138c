"""What heads are fitted to, and what comes of it.

Legend: N pictures (or views of them), D features, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import nn

_ROWS = 1024  # that go through a head at once


@dataclass(frozen=True)
class Features:
    """What enters the classifier of a network, of N pictures.

    Attributes:
        values: ``(N, D)`` float32.
        labels: ``(N,)`` int64 class indices.
    """

    values: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class HeadData:
    """What a head is fitted to.

    Attributes:
        train: the head learns from these.
        val: what must be chosen is chosen on these.
        classes: C, the number of classes.
    """

    train: Features
    val: Features
    classes: int


@dataclass(frozen=True)
class HeadOptions:
    """How heads are fitted.

    Attributes:
        seed: of what is drawn at random.
        hidden: width of the hidden layer, 0 for the head's own.
    """

    seed: int = 0
    hidden: int = 0


@dataclass(frozen=True)
class Fitted:
    """A head that was fitted.

    Attributes:
        head: features ``(B, D)`` -> logits ``(B, C)``, float32, on the CPU, in eval mode.
        chosen: what was chosen on the validation features, in a few words.
        sizes: what the file's ``build`` needs beside the classes.
    """

    head: nn.Module
    chosen: str
    sizes: Mapping[str, Any]


def logits_of(head: nn.Module, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``(N, C)`` logits of ``(N, D)`` features, a part of the rows at a time."""
    with torch.inference_mode():
        parts = [head(part).float().cpu() for part in torch.from_numpy(features).split(_ROWS)]
    logits: NDArray[np.float32] = torch.cat(parts).numpy()
    return logits


def log_loss(logits: NDArray[Any], labels: NDArray[np.int64]) -> float:
    """Return the mean of -log softmax(logits) at the labels, in nats."""
    wide = logits.astype(np.float64)
    return float((logsumexp(wide, axis=1) - wide[np.arange(len(labels)), labels]).mean())


def standardisation(features: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of each feature, ``(D,)`` float64; a constant feature's deviation is 1."""
    mean = features.mean(axis=0, dtype=np.float64)
    std = features.std(axis=0, dtype=np.float64)
    # The mean of equal numbers is off by their rounding, and so their deviation is not quite 0.
    constant = std <= 1e-6 * np.abs(mean) + 1e-12
    return mean, np.where(constant, 1.0, std)


def linear_on_plain(
    weight: NDArray[np.float64],
    bias: NDArray[np.float64],
    mean: NDArray[np.float64],
    std: NDArray[np.float64],
) -> nn.Linear:
    """Return the layer that does to plain features what ``weight`` and ``bias`` do to standardised ones.

    Args:
        weight: ``(O, D)``.
        bias: ``(O,)``.
        mean, std: ``(D,)``, of the standardisation.

    Source:
        W (x - m) / s + b = (W / s) x + (b - (W / s) m).
    """
    folded = weight / std
    layer = nn.utils.skip_init(nn.Linear, folded.shape[1], folded.shape[0])
    assert isinstance(layer, nn.Linear)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(folded))
        layer.bias.copy_(torch.from_numpy(bias - folded @ mean))
    return layer
