"""What passes between a search and those who train its trials and read its outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from toprung.ladder.listening import Listener
from toprung.training.recipe import Recipe

State = Literal["finished", "pruned", "failed"]


@dataclass(frozen=True)
class TrialScore:
    """How a finished trial did on the selection split.

    Attributes:
        accuracy: in [0, 1].
        log_loss: mean negative log-likelihood in nats; decides between equal accuracies.
        epochs: that were trained, 0 for a probe.
    """

    accuracy: float
    log_loss: float
    epochs: int


TrainTrial = Callable[[Recipe, Path, Listener], TrialScore]
"""Train a recipe into a run folder (or go on with what stands there), telling the listener of each epoch.

The listener may raise :class:`toprung.training.interrupt.Pruned`, which must be let through.
"""


@dataclass(frozen=True)
class Trial:
    """One trial that is over.

    Attributes:
        number: 0-based.
        values: what was tried, by setting.
        state: ``finished``, ``pruned`` (stopped early), or ``failed``.
        accuracy: on val, in [0, 1]; the best so far of a pruned trial, ``None`` where no epoch was over.
        log_loss: on val, of a finished trial.
        epochs: that were over.
        seconds: of wall time, over all sittings.
        folder: its run.
        why: why it was pruned or failed, "" where it finished.
    """

    number: int
    values: dict[str, Any]
    state: State
    accuracy: float | None
    log_loss: float | None
    epochs: int
    seconds: float
    folder: Path
    why: str


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        best: the finished trial of the highest val accuracy; of equal ones that of the lowest log-loss.
        recipe: the base recipe with the best trial's values.
        trials: all that are over, by number.
        seconds: of all trials together.
        ended_by: ``trials`` (all were run) or ``budget``.
    """

    best: Trial
    recipe: Recipe
    trials: tuple[Trial, ...]
    seconds: float
    ended_by: Literal["trials", "budget"]

    @property
    def finished(self) -> tuple[Trial, ...]:
        """The trials that were trained to their end."""
        return tuple(trial for trial in self.trials if trial.state == "finished")


def trial_folder(folder: Path, number: int) -> Path:
    """Return where the run of a trial stands."""
    return folder / "trials" / f"{number:03d}"


def best_of(trials: list[Trial]) -> Trial | None:
    """Return the best of the finished trials: accuracy, then log-loss, then the earlier one; ``None`` without any."""
    finished = [trial for trial in trials if trial.state == "finished"]
    return min(finished, key=_order, default=None)


def _order(trial: Trial) -> tuple[float, float, int]:
    loss = float("inf") if trial.log_loss is None else trial.log_loss
    return (-(trial.accuracy or 0.0), loss, trial.number)
