"""An extreme learning machine: a hidden layer that stays random, and output weights in closed form.

Legend: N pictures, D features, H hidden units, C classes.

Source:
    Huang et al. 2006, "Extreme learning machine: theory and applications"; with ridge in place of the pseudo-inverse,
    Huang et al. 2012. With ReLU the hidden units are the random features of Cho & Saul's arc-cosine kernel (2009).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from torch import Tensor, nn
from torch.nn import functional as F

from toprung.models.head_fitting import Fitted, HeadData, HeadOptions, linear_on_plain, standardisation
from toprung.models.heads._ridge import centred_path
from toprung.seeding import generator

HIDDEN = 4096
STRENGTHS = tuple(float(10.0**power) for power in np.arange(-8.0, 3.5, 0.5))  # of the ridge, in mean eigenvalues
_ROWS = 4096  # whose hidden units are computed at once
_SCALES = (-3.0, 6.0)  # natural logarithm of the scale of the scores


class ExtremeLearningMachine(nn.Module):
    """``out(relu(hidden(x)))``: features ``(B, D)`` -> logits ``(B, C)``."""

    def __init__(self, features: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(features, hidden)
        self.out = nn.Linear(hidden, classes)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits."""
        logits: Tensor = self.out(F.relu(self.hidden(features)))
        return logits


def build(*, classes: int, features: int, hidden: int) -> nn.Module:
    """Return the head with arbitrary values."""
    return ExtremeLearningMachine(features, hidden, classes)


def fit(data: HeadData, options: HeadOptions) -> Fitted:
    """Draw the hidden layer, and solve the ridge regression of the classes' indicators on its units.

    The hidden layer sees standardised features: weights from N(0, 1/D), biases from N(0, 1). Units and indicators are
    centred, so that the intercept is not shrunk. Least squares gives scores, not logarithms of probabilities: one
    scale for all of them is fitted to the validation log-loss, and the ridge's strength is the one with which that is
    lowest.
    """
    head = ExtremeLearningMachine(data.train.values.shape[1], options.hidden or HIDDEN, data.classes).eval()
    head.hidden = _random_layer(data.train.values, head.hidden.out_features, options.seed)
    targets = np.eye(data.classes)[data.train.labels]
    base = targets.mean(axis=0)
    path, centre = centred_path(
        _units_and_targets(head, data.train.values, targets - base),
        count=len(targets),
        width=head.hidden.out_features,
    )
    # the mean of AᵀA's eigenvalues, the same number in both forms
    strengths = [share * float(path.eigenvalues.sum()) / head.hidden.out_features for share in STRENGTHS]
    val = _units(head, data.val.values)
    best = (np.inf, 1.0, strengths[0])
    for strength, scores in zip(strengths, path.predictions(val - centre, strengths), strict=True):
        loss, scale = _scaled(scores + base, data.val.labels)
        best = min(best, (loss, scale, strength))
    _, scale, strength = best
    weights = path.weights(strength)
    with torch.no_grad():
        head.out.weight.copy_(torch.from_numpy(scale * weights.T))
        head.out.bias.copy_(torch.from_numpy(scale * (base - centre @ weights)))
    sizes = {"features": head.hidden.in_features, "hidden": head.hidden.out_features}
    return Fitted(head, f"{sizes['hidden']} hidden, ridge {strength:.2g}", sizes)


def _random_layer(features: NDArray[np.float32], hidden: int, seed: int) -> nn.Linear:
    draw = generator(seed, "extreme learning machine")
    width = features.shape[1]
    weight = draw.standard_normal((hidden, width)) / np.sqrt(width)
    return linear_on_plain(weight, draw.standard_normal(hidden), *standardisation(features))


def _units_and_targets(
    head: ExtremeLearningMachine, features: NDArray[np.float32], targets: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    for start in range(0, len(features), _ROWS):
        part = slice(start, start + _ROWS)
        yield _units(head, features[part]), targets[part]


def _units(head: ExtremeLearningMachine, features: NDArray[np.float32]) -> NDArray[np.float64]:
    with torch.inference_mode():
        units: NDArray[np.float64] = F.relu(head.hidden(torch.from_numpy(features))).double().numpy()
    return units


def _scaled(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[float, float]:
    """Return the lowest log-loss of ``scale * scores`` over all scales, and that scale.

    Each label counts (V + 1) / (V + 2) of V pictures, the rest being shared by the other classes: where every answer is
    right, the plain log-loss would have the scale grow without end.

    Source:
        Guo et al. 2017, "On calibration of modern neural networks", section 4.2; the targets after Platt 1999,
        "Probabilistic outputs for support vector machines", section 2.2.
    """
    count, classes = scores.shape
    kept = (count + 1) / (count + 2)
    targets = np.full((count, classes), (1 - kept) / max(classes - 1, 1))
    targets[np.arange(count), labels] = kept

    def loss(power: float) -> float:
        return float(-(targets * log_softmax(np.exp(power) * scores, axis=1)).sum(axis=1).mean())

    found = minimize_scalar(loss, bounds=_SCALES, method="bounded")
    return float(found.fun), float(np.exp(found.x))
