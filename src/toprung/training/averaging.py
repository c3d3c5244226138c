"""Averages of the weights that are made while a model trains."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


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


class EpochMean:
    """The plain mean of the weights at the ends of epochs: stochastic weight averaging.

    Parameters are averaged (torch's ``AveragedModel``), buffers are those of the last epoch; BatchNorm's statistics fit
    neither and must be computed anew (:func:`toprung.training.batchnorm.recompute_statistics`).

    Source: Izmailov et al. 2018 (arXiv 1803.05407), algorithm 1; Zhang et al. 2020 (arXiv 2012.12645).
    """

    def __init__(self, model: nn.Module) -> None:
        self._average = AveragedModel(model).eval().requires_grad_(False)

    @property
    def module(self) -> nn.Module:
        """The averaged model, in eval mode, without gradients."""
        return self._average.module

    @property
    def epochs(self) -> int:
        """How many epochs have been averaged."""
        return int(self._average.n_averaged)

    def update(self, model: nn.Module) -> None:
        """Take in the weights of ``model``, which has the same architecture."""
        self._average.update_parameters(model)
        self.module.train().eval()  # layers that keep a table of their weights make it anew

    def state(self) -> dict[str, Any]:
        """Return what must be saved to go on after a resume."""
        return self._average.state_dict()

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a saved state."""
        self._average.load_state_dict(state)
