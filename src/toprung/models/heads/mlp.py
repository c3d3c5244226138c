"""A perceptron with one hidden layer, trained by AdamW until the validation log-loss rises.

Legend: N pictures, D features, H hidden units, C classes.
"""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from toprung.models.head_fitting import (
    Fitted,
    HeadData,
    HeadOptions,
    linear_on_plain,
    log_loss,
    logits_of,
    standardisation,
)
from toprung.seeding import derive_seed, generator

HIDDEN = 512
_EPOCHS = 200
_PATIENCE = 10  # epochs without a validation log-loss that is lower by _GAIN, after which training stops
_GAIN = 0.01  # as a share of it: on classes that are easy to tell apart it creeps down for ever
_BATCH = 256  # at most
_STEPS = 8  # per epoch, at least: of few pictures one batch would make 200 epochs 200 steps
_RATE = 1e-3
_DECAY = 0.05
_DROPOUT = 0.5


class Perceptron(nn.Module):
    """``out(gelu(hidden(x)))``, half of the hidden units dropped in training: ``(B, D)`` -> logits ``(B, C)``."""

    def __init__(self, features: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(features, hidden)
        self.out = nn.Linear(hidden, classes)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits."""
        units = F.dropout(F.gelu(self.hidden(features)), _DROPOUT, self.training)
        logits: Tensor = self.out(units)
        return logits


def build(*, classes: int, features: int, hidden: int) -> nn.Module:
    """Return the head with arbitrary values."""
    return Perceptron(features, hidden, classes)


def fit(data: HeadData, options: HeadOptions) -> Fitted:
    """Train on standardised features and keep the epoch of the lowest validation log-loss.

    The standardisation is folded into the hidden layer at the end.
    """
    mean, std = standardisation(data.train.values)
    train = torch.from_numpy(((data.train.values - mean) / std).astype(np.float32))
    val = ((data.val.values - mean) / std).astype(np.float32)
    labels = torch.from_numpy(data.train.labels)
    with torch.random.fork_rng(devices=[]):  # initial weights and dropout are drawn from torch's global generator
        torch.manual_seed(derive_seed(options.seed, "perceptron"))
        head = Perceptron(train.shape[1], options.hidden or HIDDEN, data.classes)
        optimizer = torch.optim.AdamW(head.parameters(), lr=_RATE, weight_decay=_DECAY)
        best_loss, best_epoch, best = np.inf, 0, copy.deepcopy(head)
        mark, mark_epoch = np.inf, 0
        size = min(_BATCH, math.ceil(len(labels) / _STEPS))
        for epoch in range(1, _EPOCHS + 1):
            order = generator(options.seed, "perceptron", epoch).permutation(len(labels))
            for rows in torch.from_numpy(order).split(size):
                loss = F.cross_entropy(head.train()(train[rows]), labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            val_loss = log_loss(logits_of(head.eval(), val), data.val.labels)
            if val_loss < best_loss:
                best_loss, best_epoch, best = val_loss, epoch, copy.deepcopy(head)
            if val_loss < (1 - _GAIN) * mark:
                mark, mark_epoch = val_loss, epoch
            elif epoch - mark_epoch >= _PATIENCE:
                break
    weight, bias = (one.detach().double().numpy() for one in (best.hidden.weight, best.hidden.bias))
    best.hidden = linear_on_plain(weight, bias, mean, std)
    sizes = {"features": best.hidden.in_features, "hidden": best.hidden.out_features}
    return Fitted(best.eval(), f"{sizes['hidden']} hidden, {best_epoch} epochs", sizes)
