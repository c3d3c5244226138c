"""Fit heads to features, score each on validation, choose one, and put it in the network's place for a classifier."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from toprung.models.head_fitting import Fitted, HeadData, HeadOptions, log_loss, logits_of
from toprung.models.heads import head_file
from toprung.models.trunk import linear_classifier_of, replace_classifier


@dataclass(frozen=True)
class HeadScore:
    """How a head did.

    Attributes:
        head: its kind.
        chosen: what the head chose on validation, in a few words.
        val_accuracy: share of the validation pictures that are right.
        val_log_loss: in nats.
        seconds: that fitting took.
    """

    head: str
    chosen: str
    val_accuracy: float
    val_log_loss: float
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Candidate:
    """A fitted head with its score."""

    fitted: Fitted
    score: HeadScore


def fit_heads(
    kinds: Sequence[str], data: HeadData, options: HeadOptions, tell: Callable[[HeadScore], None]
) -> list[Candidate]:
    """Fit each kind of head.

    Args:
        kinds: names of files in :mod:`toprung.models.heads`.
        data: features of the training and the validation pictures.
        options: of all heads.
        tell: is told of each head when it is fitted.

    Raises:
        ModelError: a head that cannot be fitted.
    """
    candidates = []
    for kind in kinds:
        start = time.perf_counter()
        fitted = head_file(kind).fit(data, options)
        seconds = time.perf_counter() - start
        logits, labels = logits_of(fitted.head, data.val.values), data.val.labels
        score = HeadScore(
            head=kind,
            chosen=fitted.chosen,
            val_accuracy=float((logits.argmax(axis=1) == labels).mean()),
            val_log_loss=log_loss(logits, labels),
            seconds=round(seconds, 2),
        )
        tell(score)
        candidates.append(Candidate(fitted, score))
    return candidates


def best_of(candidates: Sequence[Candidate], choose_by: str) -> Candidate:
    """Return the best by validation ``accuracy`` (of equal ones, log-loss) or by ``log_loss``; the first on a tie."""

    def rank(candidate: Candidate) -> tuple[float, float]:
        score = candidate.score
        return (-score.val_accuracy if choose_by == "accuracy" else 0.0, score.val_log_loss)

    return min(candidates, key=rank)


def place_head(model: nn.Module, candidate: Candidate) -> dict[str, Any] | None:
    """Put a head in the place of the model's linear classifier, in place.

    Returns:
        What the catalogue needs to build it again, or ``None`` where the model's own classifier took the values.

    Raises:
        ModelError: the model's classifier is not one linear layer.
    """
    classifier, head = linear_classifier_of(model), candidate.fitted.head
    if isinstance(head, nn.Linear) and classifier.bias is not None:
        with torch.no_grad():
            classifier.weight.copy_(head.weight)
            classifier.bias.copy_(head.bias)
        return None
    replace_classifier(model, head.to(classifier.weight.device))
    return {"kind": candidate.score.head, **candidate.fitted.sizes}
