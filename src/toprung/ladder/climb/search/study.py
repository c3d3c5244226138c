"""Optuna's study behind a search: TPE proposes, ASHA prunes, a journal file remembers.

Optuna numbers the trials and keeps what they were told; all else (which run, how long, why it ended) stands beside the
values as attributes of the trial.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toprung.errors import RunError, ToprungError
from toprung.ladder.climb.search.space import SearchSpace
from toprung.ladder.climb.search.trials import State, Trial, TrialScore, trial_folder
from toprung.seeding import derive_seed
from toprung.storage import explain, make_folder, write_bytes

try:
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
    from optuna.trial import FrozenTrial, TrialState
except ImportError as error:
    raise ToprungError("searching needs optuna; install it with: pip install 'toprung[search]'.") from error

JOURNAL = "journal.log"
_NAME = "search"
_OVER: dict[TrialState, State] = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


class OpenTrial:
    """A trial that is under way: its values, and what it is told."""

    def __init__(self, trial: optuna.Trial, space: SearchSpace, journal: Path) -> None:
        self._trial, self._journal = trial, journal
        self.values: dict[str, Any] = space.suggest(trial)
        frozen = trial.study.get_trials(deepcopy=False)[trial.number]
        self._reported = set(frozen.intermediate_values)
        self.seconds_before = float(frozen.user_attrs.get("seconds", 0.0))

    @property
    def number(self) -> int:
        """0-based."""
        return self._trial.number

    def report(self, epoch: int, accuracy: float) -> bool:
        """Take in the best val accuracy after an epoch (from 1 on); say whether ASHA stops the trial here.

        An epoch that was reported before an interruption, and is trained again after it, is not asked about twice.
        """
        if epoch in self._reported:
            return False
        self._reported.add(epoch)
        with _told_plainly(self._journal):
            self._trial.report(accuracy, epoch)
            return self._trial.should_prune()

    def note(self, **facts: Any) -> None:
        """Write facts down beside the values."""
        with _told_plainly(self._journal):
            for name, value in facts.items():
                self._trial.set_user_attr(name, value)


class Study:
    """The trials of a search, kept in a journal file.

    Every trial has a sampler of its own, seeded by its number, so that a search that was interrupted proposes what it
    would have proposed without the interruption.

    Args:
        folder: of the search.
        space: what is searched.
        seed: of the proposals.
        trials: how many there shall be; a third of them, and 10 at most, are drawn at random before TPE models them.
        first: the values of the first trial, as far as they are given.
        epochs: of a whole trial.
        eta: of ASHA.
    """

    def __init__(
        self, folder: Path, space: SearchSpace, *, seed: int, trials: int, first: dict[str, Any], epochs: int, eta: int
    ) -> None:
        self._folder, self._space, self._seed = folder, space, seed
        self._startup = max(1, min(10, trials // 3))
        self._journal = file = folder / JOURNAL
        make_folder(folder)
        mend(file)
        with _told_plainly(file):
            storage = optuna.storages.JournalStorage(JournalFileBackend(str(file), JournalFileOpenLock(str(file))))
            self._study = optuna.create_study(
                storage=storage,
                study_name=_NAME,
                direction="maximize",
                pruner=make_pruner(epochs, eta),
                load_if_exists=True,
            )
            if first and not self._study.get_trials(deepcopy=False):
                self._study.enqueue_trial(first)

    def next(self) -> OpenTrial:
        """Return the trial that was interrupted, or else a new one."""
        with _told_plainly(self._journal):
            running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            waiting = self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
            number = (running or waiting)[0].number if running or waiting else len(self._study.get_trials())
            self._study.sampler = optuna.samplers.TPESampler(
                seed=derive_seed(self._seed, "search", number) & 0xFFFFFFFF, n_startup_trials=self._startup
            )
            # Taken up by its id, an interrupted trial keeps its number, its values and its place in ASHA's rungs.
            trial = optuna.Trial(self._study, running[0]._trial_id) if running else self._study.ask()
            return OpenTrial(trial, self._space, self._journal)

    def finish(self, trial: OpenTrial, score: TrialScore) -> None:
        """Close a trial that was trained to its end."""
        trial.note(log_loss=score.log_loss, epochs=score.epochs)
        self._tell(trial, TrialState.COMPLETE, score.accuracy)

    def prune(self, trial: OpenTrial, why: str) -> None:
        """Close a trial that was stopped early."""
        trial.note(why=why)
        self._tell(trial, TrialState.PRUNED)

    def fail(self, trial: OpenTrial, why: str) -> None:
        """Close a trial that could not be trained."""
        trial.note(why=why)
        self._tell(trial, TrialState.FAIL)

    def _tell(self, trial: OpenTrial, state: TrialState, value: float | None = None) -> None:
        with _told_plainly(self._journal):
            self._study.tell(trial.number, value, state)

    def trials(self) -> list[Trial]:
        """Return the trials that are over, by number."""
        found = self._study.get_trials(deepcopy=False, states=tuple(_OVER))
        return [self._read(frozen) for frozen in found]

    def _read(self, frozen: FrozenTrial) -> Trial:
        facts, told = frozen.user_attrs, frozen.intermediate_values
        return Trial(
            number=frozen.number,
            values=dict(frozen.params),
            state=_OVER[frozen.state],
            accuracy=frozen.values[0] if frozen.values else max(told.values(), default=None),
            log_loss=facts.get("log_loss"),
            epochs=int(facts.get("epochs", max(told, default=0))),
            seconds=float(facts.get("seconds", 0.0)),
            folder=trial_folder(self._folder, frozen.number),
            why=str(facts.get("why", "")),
        )


def make_pruner(epochs: int, eta: int) -> optuna.pruners.SuccessiveHalvingPruner:
    """Return ASHA with rungs after a share of 1/eta² and 1/eta of the epochs, and not below one epoch.

    A trial goes on past a rung when it is in the best 1/eta of all that have reached it so far.

    Source: Li et al. 2020, "A system for massively parallel hyperparameter tuning", algorithm 2, as Optuna has it:
        without going back to a trial that was stopped.
    """
    first = max(1, round(epochs / eta**2))
    return optuna.pruners.SuccessiveHalvingPruner(min_resource=first, reduction_factor=eta)


def mend(journal: Path) -> None:
    """Cut off a last line that a kill left unfinished; Optuna would take the next one for its rest."""
    try:
        content = journal.read_bytes()
    except FileNotFoundError:
        return
    if content and not content.endswith(b"\n"):
        write_bytes(journal, content[: content.rfind(b"\n") + 1])


@contextlib.contextmanager
def _told_plainly(file: Path) -> Iterator[None]:
    """Keep Optuna's own messages back, and say what a broken journal is in one sentence."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    except OSError as error:
        raise explain(error, file) from error
    except (ValueError, KeyError) as error:
        raise RunError(f"{file} is damaged or of another search ({error}); choose another folder.") from error
    finally:
        optuna.logging.set_verbosity(before)
