"""The loss, the optimiser, and what it trains."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from toprung.errors import RecipeError
from toprung.training.settings.rule import require


@dataclass(frozen=True)
class OptimisationSettings:
    """The loss and the optimiser.

    Attributes:
        optimizer: ``adamw``, ``sgd`` (Nesterov), or any name timm's ``create_optimizer_v2`` knows.
        lr: peak learning rate; ``None`` works it out from ``base_lr`` by ``lr_rule``.
        base_lr: peak learning rate at a batch of ``base_batch``.
        base_batch: the batch for which ``base_lr`` is meant.
        lr_rule: how the rate grows with the batch: by its ratio to ``base_batch`` (``linear``, Goyal et al. 2017), by
            the root of that (``sqrt``, Malladi et al. 2022, for Adam), or not (``none``).
        head_lr_scale: the classifier's rate is this times the others': a fresh head starts farther from its goal.
        layer_decay: each layer's rate is this times that of the layer above it; 1 for equal rates (Clark et al. 2020).
        weight_decay: applied to matrices and kernels only, never to norms, biases and tokens.
        momentum: of ``sgd``.
        beta1, beta2: of ``adamw``.
        freeze: what is not trained: ``none``, ``backbone`` (all but the classifier), ``blocks:N`` (what comes before
            the blocks, and the first N of them), or ``names:PATTERN`` (parameters whose name a regular expression
            finds).
        batch_size: pictures per optimiser step, over all processes (the effective batch).
        micro_batch: pictures per forward pass, 0 to start with all; halved by itself when memory runs out.
        clip_grad: largest gradient norm, 0 for no clipping.
        loss: ``cross_entropy`` (soft targets too), ``bce`` (Wightman et al. 2021) or ``focal`` (Lin et al. 2017).
        focal_gamma: of ``focal``; 0 equals cross-entropy.
        label_smoothing: share of the target spread over all classes (Szegedy et al. 2016).
        class_weights: weigh the loss of a class by the inverse of its frequency (``balanced``).
    """

    optimizer: str = "adamw"
    lr: float | None = None
    base_lr: float = 3e-4
    base_batch: int = 32
    lr_rule: Literal["none", "linear", "sqrt"] = "sqrt"
    head_lr_scale: float = 1.0
    layer_decay: float = 1.0
    weight_decay: float = 0.05
    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.999
    freeze: str = "none"
    batch_size: int = 32
    micro_batch: int = 0
    clip_grad: float = 1.0
    loss: Literal["cross_entropy", "bce", "focal"] = "cross_entropy"
    focal_gamma: float = 2.0
    label_smoothing: float = 0.1
    class_weights: Literal["none", "balanced"] = "none"

    def __post_init__(self) -> None:
        require(self.lr is None or self.lr > 0, "optimisation.lr", self.lr, "above 0")
        require(self.base_lr > 0, "optimisation.base_lr", self.base_lr, "above 0")
        require(self.base_batch >= 1, "optimisation.base_batch", self.base_batch, "at least 1")
        require(0 < self.layer_decay <= 1, "optimisation.layer_decay", self.layer_decay, "in (0, 1]")
        for name in ("beta1", "beta2"):
            value = getattr(self, name)
            require(0 <= value < 1, f"optimisation.{name}", value, "in [0, 1)")
        parse_freeze(self.freeze)
        require(self.head_lr_scale > 0, "optimisation.head_lr_scale", self.head_lr_scale, "above 0")
        require(self.weight_decay >= 0, "optimisation.weight_decay", self.weight_decay, "0 or more")
        require(0 <= self.momentum < 1, "optimisation.momentum", self.momentum, "in [0, 1)")
        require(self.batch_size >= 1, "optimisation.batch_size", self.batch_size, "at least 1")
        require(self.micro_batch >= 0, "optimisation.micro_batch", self.micro_batch, "0 (all) or more")
        require(self.clip_grad >= 0, "optimisation.clip_grad", self.clip_grad, "0 (off) or more")
        require(self.focal_gamma >= 0, "optimisation.focal_gamma", self.focal_gamma, "0 or more")
        require(0 <= self.label_smoothing < 1, "optimisation.label_smoothing", self.label_smoothing, "in [0, 1)")

    @property
    def peak_lr(self) -> float:
        """The learning rate at its peak, for the batch of these settings."""
        if self.lr is not None:
            return self.lr
        ratio = self.batch_size / self.base_batch
        return self.base_lr * {"none": 1.0, "linear": ratio, "sqrt": math.sqrt(ratio)}[self.lr_rule]


def parse_freeze(text: str) -> tuple[str, str]:
    """Return the kind of freezing (``none``, ``backbone``, ``blocks``, ``names``) and its argument.

    Raises:
        RecipeError: neither of them, or an argument that is no number of blocks or no regular expression.
    """
    kind, _, argument = text.partition(":")
    rule = "none, backbone, blocks:N or names:PATTERN"
    require(kind in ("none", "backbone", "blocks", "names"), "optimisation.freeze", text, rule)
    if kind == "blocks":
        require(argument.isdecimal(), "optimisation.freeze", text, "blocks:N with a number of blocks, as in blocks:8")
    elif kind == "names":
        try:
            re.compile(argument)
        except re.error as error:
            raise RecipeError(f"optimisation.freeze = {text!r} holds no regular expression: {error}.") from error
        require(bool(argument), "optimisation.freeze", text, "names:PATTERN with a pattern, as in names:^stem")
    else:
        require(not argument, "optimisation.freeze", text, rule)
    return kind, argument
