"""Losses on soft targets, one value per picture, so that micro-batches add up to the whole batch exactly."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toprung.errors import RecipeError
from toprung.training.parts import Objective

Loss = Callable[[Tensor, Tensor], Tensor]


def soft_cross_entropy(logits: Tensor, targets: Tensor, class_weights: Tensor | None = None) -> Tensor:
    """Return ``-Σ_c w_c t_c log p_c`` per picture.

    Args:
        logits: ``(B, C)`` float.
        targets: ``(B, C)`` float, rows sum to 1.
        class_weights: ``(C,)`` or ``None`` for ones.

    Returns:
        ``(B,)`` float.
    """
    return focal(logits, targets, gamma=0.0, class_weights=class_weights)


def focal(logits: Tensor, targets: Tensor, gamma: float, class_weights: Tensor | None = None) -> Tensor:
    """Return ``-Σ_c w_c t_c (1 - p_c)^γ log p_c`` per picture; γ = 0 is cross-entropy.

    Source: Lin et al. 2017, "Focal loss for dense object detection", eq. 4, with the softmax's probability.
    Arguments and result as :func:`soft_cross_entropy`.
    """
    log_p = F.log_softmax(logits, dim=-1)
    terms = targets * log_p
    if gamma > 0:
        # 1 - p through expm1: for p near 1 the difference would lose all its digits. Never 0: there the power has no
        # finite gradient for γ < 1, and infinity times 0 is not a number.
        terms = terms * (-torch.expm1(log_p)).clamp_min(torch.finfo(log_p.dtype).tiny) ** gamma
    if class_weights is not None:
        terms = terms * class_weights
    return -terms.sum(dim=-1)


def binary_cross_entropy(logits: Tensor, targets: Tensor, class_weights: Tensor | None = None) -> Tensor:
    """Return the mean over classes of the binary cross-entropy, per picture.

    Source: Wightman et al. 2021, "ResNet strikes back", section 2.
    Arguments and result as :func:`soft_cross_entropy`.
    """
    terms = F.binary_cross_entropy_with_logits(logits, targets, weight=class_weights, reduction="none")
    return terms.mean(dim=-1)


def mean_over_samples(loss: Loss) -> Loss:
    """Return ``loss`` for logits that may have a leading axis of samples, ``(M, B, C)``: the mean over the samples.

    Logits ``(B, C)`` are passed on. Source: Inoue 2019, "Multi-sample dropout", section 3.
    """

    def mean(logits: Tensor, targets: Tensor) -> Tensor:
        if logits.ndim == 2:
            return loss(logits, targets)
        samples, pictures, _ = logits.shape
        return loss(logits.flatten(0, 1), targets.repeat(samples, 1)).view(samples, pictures).mean(dim=0)

    return mean


def make_loss(name: str, *, focal_gamma: float, class_weights: Tensor | None = None) -> Loss:
    """Return the loss of a recipe as a function of logits and targets.

    Raises:
        RecipeError: an unknown name.
    """
    losses: dict[str, Loss] = {
        "cross_entropy": lambda logits, targets: soft_cross_entropy(logits, targets, class_weights),
        "bce": lambda logits, targets: binary_cross_entropy(logits, targets, class_weights),
        "focal": lambda logits, targets: focal(logits, targets, focal_gamma, class_weights),
    }
    if name not in losses:
        raise RecipeError(f"there is no loss {name!r}; there are {', '.join(losses)}.")
    return losses[name]


def classification(loss: Loss) -> Objective:
    """Return the objective of a classifier: its logits, compared with soft targets ``(B, C)`` in float32."""

    def objective(model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        return loss(model(inputs).float(), targets)

    return objective


def balanced_class_weights(counts: Tensor) -> Tensor:
    """Return ``(C,)`` float weights in inverse proportion to the classes' counts.

    Scaled so that the mean weight *per picture* is 1, which keeps the learning rate's meaning. A class without
    pictures gets weight 0.
    """
    present = counts > 0
    inverse = torch.where(present, 1.0 / counts.clamp_min(1), 0.0)
    return inverse * counts.sum() / present.sum().clamp_min(1)
