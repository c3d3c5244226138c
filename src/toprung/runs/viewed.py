"""A classifier that looks at each picture in several ways and averages what it sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from toprung.data.view_inputs import view_inputs
from toprung.data.views import plan_views
from toprung.evaluation.merging import log_probabilities
from toprung.runs.grouping import ask, streamed
from toprung.runs.wrapping import PictureClassifier, Streamed, WrappingClassifier


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
        inputs = [view_inputs(path, self.plan) for path in paths]
        for answers in ask(self.inner, inputs, batch_size=batch_size, threads=threads):
            means = [log_probabilities(one.shares.mean(axis=0)) for one in answers if not one.reason]
            yield streamed(answers, means, len(self.classes))


def with_views(classifier: PictureClassifier, kinds: Sequence[str]) -> PictureClassifier:
    """Return the classifier with views around it, or itself, untouched, where no kinds are asked for."""
    return ViewedClassifier(classifier, kinds) if kinds else classifier
