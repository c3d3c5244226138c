"""Search inside a rung: try settings on the selection split, give up the poor ones early, keep the best."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from toprung.errors import RecipeError, RunError
from toprung.ladder.climb.attempts import Failure, attempt
from toprung.ladder.climb.search.records import open_record, update_record, write_best, write_trials
from toprung.ladder.climb.search.space import SearchSpace
from toprung.ladder.climb.search.trials import SearchResult, TrainTrial, Trial, best_of, trial_folder
from toprung.ladder.display import Display
from toprung.training.events import EpochEvent
from toprung.training.interrupt import Pruned
from toprung.training.recipe import Recipe

if TYPE_CHECKING:
    from toprung.ladder.climb.search.study import OpenTrial, Study

ETA = 3


def search_recipe(
    base: Recipe,
    space: SearchSpace,
    train_trial: TrainTrial,
    *,
    trials: int,
    budget_seconds: float | None,
    folder: Path,
    seed: int,
    display: Display,
    eta: int = ETA,
) -> SearchResult:
    """Find the values of a few settings that give the highest accuracy on the selection split.

    The first trial is the recipe as it stands, as far as the space holds its values; the others are proposed by TPE
    (Bergstra et al. 2011). After 1/eta² and 1/eta of its epochs a trial goes on only if it is in the best 1/eta of
    those that got so far (ASHA, Li et al. 2020). A trial that fails counts as one.

    A search that was interrupted goes on when it is called again with the same recipe and space: trials that are over
    are kept, the interrupted one is resumed.

    Args:
        base: the recipe that the values are laid over.
        space: the settings and their values.
        train_trial: trains a recipe; see :data:`toprung.ladder.climb.search.trials.TrainTrial`.
        trials: how many, those of earlier sittings included.
        budget_seconds: of training time over all sittings; no trial is started after it, and one under way is stopped
            after its epoch, unless none is finished yet. ``None`` for no limit.
        folder: of the search; runs stand in ``trials/NNN`` below it.
        seed: of the proposals.
        display: where to tell what happens.
        eta: of ASHA, at least 2.

    Returns:
        The best recipe and all trials. The best trial's accuracy is too good an estimate: it was chosen by it.

    Raises:
        RecipeError: ``trials`` or ``eta`` too low.
        RunError: the folder holds something else, or no trial finished.
        ToprungError: Optuna is not installed; or what would meet every trial: pictures that are gone, a full disk,
            Ctrl-C.
    """
    from toprung.ladder.climb.search.study import Study  # Optuna is an extra

    if trials < 1 or eta < 2:
        raise RecipeError(f"a search needs at least 1 trial and an eta of at least 2, not {trials} and {eta}.")
    open_record(folder, base, space, seed=seed, eta=eta)
    study = Study(
        folder,
        space,
        seed=seed,
        trials=trials,
        first=space.own_values(base),
        epochs=base.schedule.epochs,
        eta=eta,
    )
    search = _Search(base, space, study, train_trial, folder, budget_seconds, display)
    while len(study.trials()) < trials and not search.is_out_of_time():
        search.run_next(trials)
    over = study.trials()
    best = best_of(over)
    if best is None:
        raise RunError(
            f"none of the {len(over)} trials in {folder} finished; the first one: {over[0].why if over else 'none'}"
        )
    ended_by: Literal["trials", "budget"] = "trials" if len(over) >= trials else "budget"
    update_record(folder, status="finished", ended_by=ended_by, best=best.number)
    seconds = sum(trial.seconds for trial in over)
    return SearchResult(best, base.with_settings(best.values), tuple(over), seconds, ended_by)


class _Search:
    """A search under way."""

    def __init__(
        self,
        base: Recipe,
        space: SearchSpace,
        study: Study,
        train_trial: TrainTrial,
        folder: Path,
        budget_seconds: float | None,
        display: Display,
    ) -> None:
        self._base, self._space, self._study, self._train = base, space, study, train_trial
        self._folder, self._display = folder, display
        self._budget = float("inf") if budget_seconds is None else budget_seconds

    def is_out_of_time(self, under_way: float = 0.0) -> bool:
        """Say whether the budget is spent; it never is before there is a result."""
        over = self._study.trials()
        spent = sum(trial.seconds for trial in over) + under_way
        return spent >= self._budget and best_of(over) is not None

    def run_next(self, trials: int) -> None:
        """Run one trial to its end, or until it is given up or fails."""
        trial = self._study.next()
        values = ", ".join(f"{name} = {_short(value)}" for name, value in trial.values.items())
        self._display.say(f"trial {trial.number + 1:>3} of {trials}  {values}")
        start = time.monotonic()

        def listen(event: EpochEvent) -> None:
            seconds = trial.seconds_before + time.monotonic() - start
            trial.note(seconds=seconds)
            self._judge(trial, event, seconds)

        try:
            outcome = attempt(
                lambda: self._train(
                    self._base.with_settings(trial.values), trial_folder(self._folder, trial.number), listen
                )
            )
        except Pruned as stop:
            trial.note(seconds=trial.seconds_before + time.monotonic() - start)
            self._study.prune(trial, str(stop))
        else:
            trial.note(seconds=trial.seconds_before + time.monotonic() - start)
            if isinstance(outcome, Failure):
                self._study.fail(trial, outcome.reason)
            else:
                self._study.finish(trial, outcome)
        self._write_down()

    def _judge(self, trial: OpenTrial, event: EpochEvent, seconds: float) -> None:
        """Give a trial up after an epoch, unless it was its last: the whole result is then at hand."""
        if event.epoch == event.epochs or event.best_accuracy is None:
            return
        if trial.report(event.epoch, event.best_accuracy):
            raise Pruned(
                f"val accuracy {event.best_accuracy:.2%} after epoch {event.epoch} of {event.epochs}: not among the "
                "best that got so far."
            )
        if self.is_out_of_time(seconds):
            raise Pruned(f"the budget of {self._budget:.0f} s was spent after epoch {event.epoch} of {event.epochs}.")

    def _write_down(self) -> None:
        over = self._study.trials()
        write_trials(self._folder, self._space, over)
        best = best_of(over)
        if best is not None:
            write_best(self._folder, self._base.with_settings(best.values))
        self._display.say(_line(over[-1], best))


def _line(trial: Trial, best: Trial | None) -> str:
    accuracy = "" if trial.accuracy is None else f"val acc. {trial.accuracy:8.2%}  "
    mark = "  best so far" if best is not None and best.number == trial.number else ""
    why = f"  {trial.why}" if trial.why else ""
    return f"          {trial.state:<9} {accuracy}{trial.epochs} epochs, {trial.seconds:.0f} s{mark}{why}"


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
