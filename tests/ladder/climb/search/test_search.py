"""The search's own logic, with trials that cost nothing: a made-up accuracy for each setting and epoch."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from toprung.errors import DataError, RecipeError, RunError, TrainingDiverged
from toprung.ladder.climb.search.search import search_recipe
from toprung.ladder.climb.search.space import SearchSpace
from toprung.ladder.climb.search.study import make_pruner, mend
from toprung.ladder.climb.search.trials import SearchResult, TrialScore
from toprung.ladder.display import Silent
from toprung.ladder.listening import Listener
from toprung.training.events import EpochEvent
from toprung.training.interrupt import Interrupted
from toprung.training.recipe import Recipe

EPOCHS = 9
BASE = Recipe().with_settings({"schedule.epochs": EPOCHS, "optimisation.base_lr": 1e-5})
SPACE = SearchSpace.read({"optimisation.base_lr": {"low": 1e-5, "high": 1e-1, "log": True}}, BASE)
Curve = Callable[[Recipe, int], float]


def hill(recipe: Recipe, epoch: int) -> float:
    """Best at a rate of 1e-3; every epoch adds a little."""
    return 0.9 - 0.1 * abs(math.log10(recipe.optimisation.base_lr) + 3) - 0.2 / epoch


class Trainer:
    """Trains nothing, remembers what it was asked for, and goes on after the epoch at which it was stopped."""

    def __init__(self, curve: Curve = hill) -> None:
        self.curve = curve
        self.asked: list[tuple[float, int]] = []
        self.reached: dict[Path, int] = {}
        self.dies_at: tuple[int, int] | None = None  # trial, epoch

    def __call__(self, recipe: Recipe, place: Path, listen: Listener) -> TrialScore:
        best = 0.0
        for epoch in range(1, EPOCHS + 1):
            best = max(best, self.curve(recipe, epoch))
            if epoch <= self.reached.get(place, 0):
                continue
            if self.dies_at == (int(place.name), epoch):
                self.dies_at = None
                raise Interrupted("killed")
            self.asked.append((recipe.optimisation.base_lr, epoch))
            listen(event(epoch, best))
            self.reached[place] = epoch
        return TrialScore(best, 1 - best, EPOCHS)


def event(epoch: int, best: float) -> EpochEvent:
    return EpochEvent(epoch, EPOCHS, epoch, 0.0, 0.0, best, 1.0, best, True)


def search(folder: Path, trainer: Trainer, *, trials: int = 12, budget: float | None = None) -> SearchResult:
    return search_recipe(
        BASE, SPACE, trainer, trials=trials, budget_seconds=budget, folder=folder, seed=3, display=Silent()
    )


def facts(result: SearchResult) -> list[tuple[object, ...]]:
    """Return all but times and places."""
    return [
        (one.number, one.values, one.state, one.accuracy, one.log_loss, one.epochs, one.why) for one in result.trials
    ]


def test_it_climbs_the_hill_and_starts_from_the_recipe_itself(tmp_path: Path) -> None:
    result = search(tmp_path / "search", Trainer(), trials=40)
    assert result.trials[0].values == {"optimisation.base_lr": 1e-5}
    assert result.best.accuracy == max(one.accuracy or 0 for one in result.finished)
    assert abs(math.log10(result.recipe.optimisation.base_lr) + 3) < 0.2
    assert result.ended_by == "trials"
    assert {one.state for one in result.trials} == {"finished", "pruned"}


def test_what_is_written_is_what_is_returned(tmp_path: Path) -> None:
    result = search(tmp_path / "search", Trainer())
    with (tmp_path / "search" / "trials.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["state"] for line in lines] == [one.state for one in result.trials]
    assert [float(line["optimisation.base_lr"]) for line in lines] == [
        one.values["optimisation.base_lr"] for one in result.trials
    ]
    assert Recipe.read(tmp_path / "search" / "best.toml") == result.recipe


def test_asha_keeps_the_best_third_of_those_that_got_so_far(tmp_path: Path) -> None:
    """Against the rule of Li et al. 2020, written out here; rungs after 1 and 3 of 9 epochs."""
    result = search(tmp_path / "search", Trainer(), trials=30)
    seen: dict[int, list[float]] = {1: [], 3: []}
    for trial in result.trials:
        recipe, pruned_at = BASE.with_settings(trial.values), None
        for rung, others in seen.items():
            value = hill(recipe, rung)
            others.append(value)
            kept = max(len(others) // 3, 1)  # of the first two the best one goes on
            if value < sorted(others, reverse=True)[kept - 1]:
                pruned_at = rung
                break
        assert (trial.state, trial.epochs) == (("pruned", pruned_at) if pruned_at else ("finished", EPOCHS)), trial


def test_rungs_of_short_and_long_schedules() -> None:
    assert [make_pruner(epochs, 3)._min_resource for epochs in (1, 5, 9, 30)] == [1, 1, 1, 3]


@pytest.mark.parametrize("dies_at", [(0, 1), (0, 6), (4, 2), (11, 9)])
def test_interrupted_anywhere_it_ends_as_if_it_had_not_been(dies_at: tuple[int, int], tmp_path: Path) -> None:
    whole = facts(search(tmp_path / "whole", Trainer()))
    number, epoch = dies_at
    trainer = Trainer()
    trainer.dies_at = number, min(epoch, int(str(whole[number][5])))  # a pruned trial does not get so far
    with pytest.raises(Interrupted):
        search(tmp_path / "search", trainer)
    again = facts(search(tmp_path / "search", trainer))
    assert again == whole
    assert len(trainer.asked) == len(set(trainer.asked)), "no epoch was trained twice"


def test_more_trials_may_be_added_and_finished_ones_stay(tmp_path: Path) -> None:
    trainer = Trainer()
    first = search(tmp_path / "search", trainer, trials=5)
    asked = len(trainer.asked)
    again = search(tmp_path / "search", trainer, trials=5)
    assert (facts(again), len(trainer.asked)) == (facts(first), asked)
    more = search(tmp_path / "search", trainer, trials=8)
    assert facts(more)[:5] == facts(first)
    assert len(more.trials) == 8


def test_a_trial_that_fails_counts_and_the_search_goes_on(tmp_path: Path) -> None:
    def curve(recipe: Recipe, epoch: int) -> float:
        if recipe.optimisation.base_lr > 1e-2:
            raise TrainingDiverged("the loss became NaN.")
        return hill(recipe, epoch)

    result = search(tmp_path / "search", Trainer(curve), trials=15)
    failed = [one for one in result.trials if one.state == "failed"]
    assert failed
    assert all(one.why == "the loss became NaN." and one.values["optimisation.base_lr"] > 1e-2 for one in failed)
    assert result.best.state == "finished"


def test_memory_that_runs_out_is_a_failure_and_a_bug_is_not(tmp_path: Path) -> None:
    def greedy(recipe: Recipe, epoch: int) -> float:
        raise RuntimeError("CUDA out of memory. Tried to allocate")

    with pytest.raises(RunError, match=r"none of the 2 trials .* finished; the first one: memory ran out"):
        search(tmp_path / "greedy", Trainer(greedy), trials=2)

    def wrong(recipe: Recipe, epoch: int) -> float:
        raise RuntimeError("a shape is wrong")

    with pytest.raises(RuntimeError, match="a shape is wrong"):
        search(tmp_path / "wrong", Trainer(wrong), trials=2)

    def gone(recipe: Recipe, epoch: int) -> float:
        raise DataError("the pictures are gone")

    with pytest.raises(DataError):
        search(tmp_path / "gone", Trainer(gone), trials=2)


def test_a_budget_ends_it_but_never_without_a_result(tmp_path: Path) -> None:
    result = search(tmp_path / "search", Trainer(), budget=1e-9)
    assert [one.state for one in result.trials] == ["finished"]
    assert result.ended_by == "budget"


def test_equal_accuracies_are_decided_by_the_loss(tmp_path: Path) -> None:
    class Flat(Trainer):
        def __call__(self, recipe: Recipe, place: Path, listen: Listener) -> TrialScore:
            return TrialScore(0.5, abs(math.log10(recipe.optimisation.base_lr) + 3), 0)

    result = search(tmp_path / "search", Flat())
    losses = [one.log_loss for one in result.trials]
    assert result.best.log_loss == min(one for one in losses if one is not None)


def test_another_search_s_folder_is_refused(tmp_path: Path) -> None:
    search(tmp_path / "search", Trainer(), trials=1)
    other = SearchSpace.read({"optimisation.base_lr": [1e-4, 1e-3]}, BASE)
    run = {"trials": 1, "budget_seconds": None, "seed": 3, "display": Silent()}
    with pytest.raises(RunError, match="a search with another space"):
        search_recipe(BASE, other, Trainer(), folder=tmp_path / "search", **run)  # type: ignore[arg-type]
    with pytest.raises(RunError, match="a search with another base"):
        changed = BASE.with_settings({"optimisation.batch_size": 7})
        search_recipe(changed, SPACE, Trainer(), folder=tmp_path / "search", **run)  # type: ignore[arg-type]
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    with pytest.raises(RunError, match="holds other things"):
        search_recipe(BASE, SPACE, Trainer(), folder=tmp_path / "run", **run)  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="at least 1 trial"):
        search(tmp_path / "none", Trainer(), trials=0)


def test_a_journal_cut_by_a_kill_is_mended(tmp_path: Path) -> None:
    trainer = Trainer()
    first = search(tmp_path / "search", trainer, trials=3)
    journal = tmp_path / "search" / "journal.log"
    journal.write_bytes(journal.read_bytes() + b'{"op_code":4,"worker')
    more = search(tmp_path / "search", trainer, trials=6)
    assert facts(more)[:3] == facts(first)
    assert facts(search(tmp_path / "search", trainer, trials=6)) == facts(more)
    mend(tmp_path / "none")


def test_the_best_trial_s_score_is_too_good(tmp_path: Path) -> None:
    """Where no setting matters and val is finite, the best trial's accuracy lies above the true one."""
    draw = np.random.default_rng(0)

    class Noise(Trainer):
        def __call__(self, recipe: Recipe, place: Path, listen: Listener) -> TrialScore:
            return TrialScore(draw.binomial(100, 0.8) / 100, 0.5, 0)

    bests = [search(tmp_path / f"{number}", Noise(), trials=10).best.accuracy or 0.0 for number in range(8)]
    assert np.mean(bests) > 0.8 + 0.03  # expected maximum of 10 such draws: 0.8 + 1.5 sd, and an sd is 0.04
