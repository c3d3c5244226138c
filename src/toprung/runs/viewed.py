"""A classifier that looks at each picture in several ways and averages what it sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from toprung.data.view_inputs import view_inputs
from toprung.data.views import plan_views
from toprung.evaluation.merging import log_probabilities
from toprung.runs.grouping import ask
from toprung.runs.wrapping import PictureClassifier, Streamed, WrappingClassifier

_TOGETHER = 1024  # pictures whose views are listed at a time: a million pictures of thirty views are too many objects


class ViewedClassifier(WrappingClassifier):
    """Averages the probabilities of several views of a picture: ``p = sum_v p_v / V``; its logits are ``log p``.

    Args:
        inner: the classifier that sees each view.
        kinds: of views, as :func:`toprung.data.views.plan_views` takes them.

    Raises:
        RecipeError: an unknown kind.
    """

    def __init__(self, inner: PictureClassifier, kinds: Sequence[str]) -> None:
        super().__init__(inner)
        self.plan = plan_views(kinds)

    def stream(self, paths: Sequence[Any], *, batch_size: int, threads: int | None = None) -> Iterator[Streamed]:
        """Yield rows, logits and unreadable pictures, in order; ``batch_size`` views go through the model at once."""
        for start in range(0, len(paths), _TOGETHER):
            inputs = [view_inputs(path, self.plan) for path in paths[start : start + _TOGETHER]]
            for answers in ask(self.inner, inputs, batch_size=batch_size, threads=threads):
                rows = [start + one.picture for one in answers if not one.reason]
                means = [log_probabilities(one.shares.mean(axis=0)) for one in answers if not one.reason]
                failures = [(start + one.picture, one.reason) for one in answers if one.reason]
                yield rows, np.array(means, dtype=np.float32).reshape(len(rows), len(self.classes)), failures


def with_views(classifier: PictureClassifier, kinds: Sequence[str]) -> PictureClassifier:
    """Return the classifier with views around it, or itself, untouched, where no kinds are asked for."""
    return ViewedClassifier(classifier, kinds) if kinds else classifier
