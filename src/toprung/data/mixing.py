"""Mixup and CutMix: a batch blended with itself in reverse order, and targets blended alike.

Legend: B pictures, C classes.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from toprung.seeding import generator


def smooth_targets(labels: Tensor, num_classes: int, smoothing: float) -> Tensor:
    """Return ``(B, C)`` float32 targets: ``1 - s + s/C`` for the label, ``s/C`` for the rest.

    Args:
        labels: ``(B,)`` int64.
        num_classes: C.
        smoothing: s in [0, 1).

    Source:
        Szegedy et al. 2016, "Rethinking the Inception architecture", section 7.
    """
    hard = F.one_hot(labels, num_classes).float()
    return hard * (1 - smoothing) + smoothing / num_classes if smoothing else hard


class Mixing:
    """Blends each batch by mixup or CutMix, or leaves it alone.

    One share λ is drawn per batch, by seed and step; with both methods on, each is taken half of the time.

    Args:
        mixup: alpha of the Beta distribution of λ for mixup, 0 for none.
        cutmix: the same for CutMix.
        probability: share of batches that are mixed.
        label_smoothing: as in :func:`smooth_targets`.
        num_classes: C.
        seed: the run's.

    Source:
        Zhang et al. 2018, "mixup", eq. 1; Yun et al. 2019, "CutMix", eq. 1 and 2; pairs are a batch and its
        reverse as in timm.
    """

    def __init__(
        self, *, mixup: float, cutmix: float, probability: float, label_smoothing: float, num_classes: int, seed: int
    ) -> None:
        self._alphas = {"mixup": mixup, "cutmix": cutmix}
        self._methods = [name for name, alpha in self._alphas.items() if alpha > 0]
        self._probability = probability
        self._smoothing = label_smoothing
        self._num_classes = num_classes
        self._seed = seed

    def __call__(self, inputs: Tensor, labels: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Return mixed inputs and their targets.

        Args:
            inputs: ``(B, 3, H, W)`` float.
            labels: ``(B,)`` int64.
            step: the optimiser step, 0-based.

        Returns:
            ``(B, 3, H, W)`` like ``inputs``, and ``(B, C)`` float32 whose rows sum to 1.
        """
        targets = smooth_targets(labels, self._num_classes, self._smoothing)
        draw = generator(self._seed, "mixing", step)
        if not self._methods or draw.random() >= self._probability:
            return inputs, targets
        method = self._methods[int(draw.integers(len(self._methods)))]
        share = float(draw.beta(self._alphas[method], self._alphas[method]))
        if method == "mixup":
            inputs = torch.lerp(inputs.flip(0), inputs, share)
        else:
            inputs, share = _cut_and_paste(inputs, share, draw)
        return inputs, torch.lerp(targets.flip(0), targets, share)


def _cut_and_paste(inputs: Tensor, share: float, draw: np.random.Generator) -> tuple[Tensor, float]:
    """Return pictures with a box of their partners, and the share of the area that is still their own."""
    height, width = inputs.shape[-2:]
    side = math.sqrt(1 - share)
    tall, wide = int(height * side), int(width * side)
    row, column = int(draw.integers(height)), int(draw.integers(width))
    top, bottom = max(row - tall // 2, 0), min(row + tall // 2, height)
    left, right = max(column - wide // 2, 0), min(column + wide // 2, width)
    mixed = inputs.clone()
    mixed[..., top:bottom, left:right] = inputs.flip(0)[..., top:bottom, left:right]
    return mixed, 1 - (bottom - top) * (right - left) / (height * width)
