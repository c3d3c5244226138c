"""One number that makes a model's confidence honest: its logits are divided by it before the softmax."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toprung.errors import DataError

LOWEST, HIGHEST = 0.01, 100.0


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the temperature T that makes the labels likeliest under softmax(logits / T).

    The mean log-loss is convex in 1/T, so its slope crosses zero once, and that place is found exactly. Dividing
    by T changes no answer, only how sure it is: T > 1 for an over-confident model, T < 1 for an under-confident one.

    Args:
        logits: ``(N, C)`` float32 or float64, finite.
        labels: ``(N,)`` int64; pictures of unknown label (-1) are left out.

    Returns:
        T in [0.01, 100]. The lower end where every answer is right (the loss falls for ever as T falls), the upper
        one where the logits say no more than chance.

    Raises:
        DataError: no labelled picture, shapes that disagree, a label outside the classes, or a logit not finite.

    Source:
        Guo et al. 2017, "On calibration of modern neural networks", section 4.2.
    """
    from scipy.optimize import brentq

    scores, known = _checked(logits, labels)

    def slope(log_temperature: float) -> float:
        return log_loss_slope(scores, known, float(np.exp(-log_temperature)))

    low, high = float(np.log(LOWEST)), float(np.log(HIGHEST))
    # The slope is that of the loss over 1/T: it falls as T grows.
    if slope(low) <= 0:
        return LOWEST
    if slope(high) >= 0:
        return HIGHEST
    return float(np.exp(brentq(slope, low, high, xtol=1e-12, rtol=1e-12)))


def log_loss_slope(logits: NDArray[np.float64], labels: NDArray[np.int64], inverse: float) -> float:
    """Return the derivative of the mean log-loss over ``inverse`` = 1/T, nats: E[mean logit - true logit].

    The mean is that of the logits under softmax(logits / T); it grows with 1/T, which makes the loss convex.

    Args:
        logits: ``(N, C)`` float64.
        labels: ``(N,)`` int64 in 0 … C - 1.
        inverse: 1/T, positive.
    """
    scaled = logits * inverse
    weights = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    means = (weights * logits).sum(axis=1) / weights.sum(axis=1)
    return float((means - logits[np.arange(len(labels)), labels]).mean())


def _checked(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise DataError(f"logits of shape {logits.shape} do not go with {labels.shape} labels.")
    known = labels != -1
    scores, kept = logits[known].astype(np.float64), labels[known]
    if len(kept) == 0:
        raise DataError(f"none of {len(labels)} pictures has a label, so no temperature can be fitted.")
    if kept.min() < 0 or kept.max() >= logits.shape[1]:
        raise DataError(f"labels run from {kept.min()} to {kept.max()}, but there are {logits.shape[1]} classes.")
    if not np.isfinite(scores).all():
        raise DataError("a logit is NaN or infinite; the model has diverged.")
    return scores, kept
