"""BatchNorm's running statistics: forgotten at a start from other pictures, computed anew for averaged weights."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from toprung.errors import DataError


class StatisticsWarmup:
    """Running statistics as the plain mean over the first steps, then as the usual moving average.

    At step t (0-based) the momentum is ``max(own, 1 / (t + 1))``: the first batch replaces what came with the
    weights, and until ``1 / own`` steps all batches count alike. With the usual ``own`` from the start, statistics of
    other pictures keep ``(1 - own)^t`` of the weight: after the 24 steps of a short run 8 %, enough to make a network
    that is right in training guess in validation.

    The warm-up is that of an unbiased moving average (Kingma & Ba 2015, "Adam", section 3) in the form of a
    momentum that depends on the step only, so that a resumed run does the same.

    Args:
        model: its BatchNorm layers that keep running statistics by a moving average are handled; it may have none.
    """

    def __init__(self, model: nn.Module) -> None:
        self._layers = [
            (layer, layer.momentum)
            for layer in model.modules()
            if isinstance(layer, _BatchNorm) and layer.track_running_stats and layer.momentum is not None
        ]

    def set_momentum(self, step: int) -> None:
        """Set every layer's momentum for optimiser step ``step`` of the stage, 0-based."""
        for layer, own in self._layers:
            layer.momentum = max(own, 1 / (step + 1))

    def end(self) -> None:
        """Give every layer its own momentum back."""
        for layer, own in self._layers:
            layer.momentum = own


def has_batch_statistics(model: nn.Module) -> bool:
    """Say whether a model has layers that keep running statistics of batches, so that averaged weights need new ones.

    Vision transformers and ConvNeXts normalise each picture by itself: for them a pass over data would change nothing.
    """
    return bool(_tracking_layers(model))


@torch.no_grad()
def recompute_statistics(model: nn.Module, inputs: Iterable[Tensor], *, spared: Collection[str] = ()) -> None:
    """Replace BatchNorm's running statistics by their plain mean over batches, in place.

    The mean of several networks' statistics is not the statistics of the mean of their weights. As
    ``torch.optim.swa_utils.update_bn``, every batch counts alike and what the layers held before is forgotten; but
    only these layers are put in training mode, so that the statistics are those of the network as it answers, without
    dropout and drop path. Modes and momenta come back as they were. A model without such layers sees no batch.

    Args:
        model: on the device of the inputs.
        inputs: normalised training pictures, ``(B, 3, H, W)`` float each, B > 1.
        spared: names of layers that keep what they hold, as frozen ones do.

    Raises:
        DataError: no batch came.

    Source: Izmailov et al. 2018 (arXiv 1803.05407), algorithm 1, its last line.
    """
    layers = [layer for name, layer in _tracking_layers(model).items() if name not in spared]
    if not layers:
        return
    modes = [(module, module.training) for module in model.modules()]
    momenta = [layer.momentum for layer in layers]
    model.train().eval()  # layers that keep a table of their weights make it anew
    batches = 0
    try:
        for layer in layers:
            layer.training = True  # not train(): timm's layers hold a dropout of their own
            layer.momentum = None  # a plain mean
        for batch in inputs:
            if batches == 0:
                for layer in layers:
                    layer.reset_running_stats()
            model(batch)
            batches += 1
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        for module, mode in modes:
            module.training = mode
    if batches == 0:
        raise DataError("there is no picture to compute BatchNorm's statistics from; give training pictures.")


def frozen_layers(model: nn.Module, averaged: nn.Module) -> set[str]:
    """Return the names of the layers with statistics that were frozen for as long as weights were averaged.

    Args:
        model: that was trained; its frozen parameters need no gradient.
        averaged: of the same architecture.
    """
    means = dict(averaged.named_parameters())
    found = set()
    for name, layer in _tracking_layers(model).items():
        own = {f"{name}.{key}": parameter for key, parameter in layer.named_parameters()}
        if own and all(not p.requires_grad and torch.equal(p, means[key]) for key, p in own.items()):
            found.add(name)
    return found


def _tracking_layers(model: nn.Module) -> dict[str, _BatchNorm]:
    return {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, _BatchNorm) and layer.running_mean is not None
    }
