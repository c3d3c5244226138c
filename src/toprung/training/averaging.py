"""An exponential moving average of the weights."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class WeightAverage:
    """EMA of parameters and floating buffers: ``avg ← d·avg + (1 - d)·weights`` after every optimiser step.

    The decay is warmed up as ``d_t = min(decay, (1 + t) / (10 + t))`` (TensorFlow's ExponentialMovingAverage
    with ``num_updates``), so that the random head of the first steps is forgotten quickly.

    Attributes:
        module: the averaged model, in eval mode, without gradients.
        updates: how many steps have been averaged.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights of ``model``, which has the same architecture."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        averaged, current = [], []
        for mine, theirs in zip(self._tensors(self.module), self._tensors(model), strict=True):
            if mine.is_floating_point():
                averaged.append(mine)
                current.append(theirs)
            else:
                mine.copy_(theirs)  # counters, such as BatchNorm's, are not averaged
        torch._foreach_lerp_(averaged, current, 1 - decay)
        # LeViT's and TinyViT's attention keep a table made of their weights until they are put in train mode
        self.module.train().eval()
        self.updates += 1

    @staticmethod
    def _tensors(model: nn.Module) -> list[Tensor]:
        return [*model.parameters(), *model.buffers()]
