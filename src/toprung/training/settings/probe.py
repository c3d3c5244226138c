"""The settings of a probe: heads on the features of a frozen network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from toprung.models.heads import head_kinds
from toprung.training.settings.rule import require


@dataclass(frozen=True)
class ProbeSettings:
    """A head on the features of the frozen network, which are computed once, in place of training by epochs.

    Attributes:
        head: ``none`` (train by epochs), ``linear`` (logistic regression), ``knn``, ``elm`` (extreme learning machine),
            ``mlp``, several with commas between, or ``all``; of several the best on validation is kept.
        views: views of each training picture: the first as when scoring, the others by the section augment.
        choose_by: the validation score by which one of several heads is chosen: ``accuracy`` (of equal ones, the lower
            log-loss) or ``log_loss``.
        hidden: width of the hidden layer of ``elm`` and ``mlp``, 0 for their own 4096 and 512.
    """

    head: str = "none"
    views: int = 1
    choose_by: Literal["accuracy", "log_loss"] = "accuracy"
    hidden: int = 0

    def __post_init__(self) -> None:
        names = self.head.split(",")
        right = self.head in ("none", "all") or (set(names) <= set(head_kinds()) and len(set(names)) == len(names))
        rule = f"none, all, or some of {', '.join(head_kinds())} with commas between"
        require(right, "probe.head", self.head, rule)
        require(self.views >= 1, "probe.views", self.views, "at least 1")
        require(self.hidden >= 0, "probe.hidden", self.hidden, "0 (the head's own) or more")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The heads to fit; empty for training by epochs."""
        if self.head == "none":
            return ()
        return head_kinds() if self.head == "all" else tuple(self.head.split(","))
