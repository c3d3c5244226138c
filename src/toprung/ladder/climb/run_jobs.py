"""The jobs that make runs: train, average, fuse."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toprung.errors import RecipeError
from toprung.ladder.display import Display
from toprung.ladder.pictures import Pictures
from toprung.runs.folder import RunFolder
from toprung.training.recipe import Recipe


@dataclass(frozen=True)
class TrainJob:
    """Train a run, or go on with one that was interrupted.

    Attributes:
        run: its folder.
        recipe: every setting.
        source: the table of the climb's pictures.
        pictures: of that table, looked through already.
        resume: the folder holds an interrupted run of this recipe.
        search: of the rung: ``trials``, ``budget``, and settings with their values; empty for no search.
    """

    run: Path
    recipe: Recipe
    source: Path
    pictures: Pictures
    resume: bool
    search: dict[str, Any] = field(default_factory=dict)

    def perform(self, display: Display) -> dict[str, Any]:
        """Search where that is asked for, train, and measure what predicting with the model costs."""
        from toprung.ladder.rung import climb_rung, resume_rung

        if self.resume:
            resume_rung(self.run, display=display)
        else:
            recipe = self._found(display) if self.search else self.recipe
            climb_rung(self.source, recipe, out=self.run, runs=self.run.parent, display=display, pictures=self.pictures)
        return _ended(self.run)

    def _found(self, display: Display) -> Recipe:
        """Return the recipe that a search on train and val finds; its runs stand beside the rung's."""
        from toprung.ladder.climb.search.search import search_recipe
        from toprung.ladder.climb.search.space import SearchSpace
        from toprung.ladder.climb.search.training import not_told_apart, trial_trainer

        trials, budget = search_size(self.search)
        folder = self.run.with_name(f"{self.run.name}-search")
        values = {name: value for name, value in self.search.items() if name not in ("trials", "budget")}
        found = search_recipe(
            self.recipe,
            SearchSpace.read(values, self.recipe),
            trial_trainer(self.source, folder),
            trials=trials,
            budget_seconds=budget,
            folder=folder,
            seed=self.recipe.seed,
            display=display,
        )
        alike = len(not_told_apart(found))
        display.say(
            f"search     best trial {found.best.number + 1}; {alike} others cannot be told apart from it on val"
        )
        return found.recipe


def search_size(search: Mapping[str, Any]) -> tuple[int, float | None]:
    """Return trials and seconds of a rung's search.

    Raises:
        RecipeError: a value that is none.
    """
    from toprung.ladder.climb.times import parse_time

    trials = search.get("trials", 20)
    if not isinstance(trials, int) or isinstance(trials, bool) or trials < 1:
        raise RecipeError(f"search.trials = {trials!r} is not a whole number of 1 or more.")
    return trials, parse_time(str(search["budget"])) if "budget" in search else None


@dataclass(frozen=True)
class SoupJob:
    """Average the weights of runs.

    Attributes:
        run: the folder to make.
        members: the runs.
        method: of ``toprung average``.
    """

    run: Path
    members: tuple[Path, ...]
    method: str

    def perform(self, display: Display) -> dict[str, Any]:
        """Average, and measure what predicting with the model costs."""
        from toprung.ladder.averaging.average import average_runs
        from toprung.ladder.averaging.methods import make_method

        return _timed(
            self.run,
            lambda: average_runs(
                list(self.members),
                make_method(self.method),
                pictures=None,
                out=self.run,
                runs=self.run.parent,
                device="auto",
                batch_size=32,
                display=display,
            ),
        )


def _timed(run: Path, make: Callable[[], object]) -> dict[str, Any]:
    began = time.monotonic()
    make()
    folder = RunFolder(run)
    if "seconds" not in folder.record():
        folder.update(seconds=round(time.monotonic() - began, 1))
    return _ended(run)


def _ended(run: Path) -> dict[str, Any]:
    """Write down what predicting costs, and return how long the run took."""
    from toprung.runs.prediction_cost import measure_prediction_cost

    folder = RunFolder.open(run)
    record = folder.record()
    folder.update(prediction_cost=measure_prediction_cost(folder.model) | {"parameters": record.get("parameters")})
    return {"seconds": record.get("seconds")}


@dataclass(frozen=True)
class FusionJob:
    """Fuse the answers of runs.

    Attributes:
        run: the folder to make.
        members: the runs.
        method: of ``toprung fuse``.
    """

    run: Path
    members: tuple[Path, ...]
    method: str

    def perform(self, display: Display) -> dict[str, Any]:
        """Fuse, and measure what predicting with the model costs."""
        from toprung.ladder.fusing.fuse import fuse_runs

        return _timed(
            self.run,
            lambda: fuse_runs(
                list(self.members), method=self.method, out=self.run, runs=self.run.parent, display=display
            ),
        )


@dataclass(frozen=True)
class HalvingJob:
    """Train candidates briefly, the better ones for longer, and the kept ones in full.

    Attributes:
        run: folder of the short runs; the kept candidates' runs stand beside it, called after it.
        recipes: of the candidates.
        source: the table of the climb's pictures.
        pictures: of that table.
        keep: how many are trained in full.
        epochs: of the full trainings, where a budget cuts them; 0 for the recipes' own.
    """

    run: Path
    recipes: dict[str, Recipe]
    source: Path
    pictures: Pictures
    keep: int
    epochs: int

    def perform(self, display: Display) -> dict[str, Any]:
        """Halve, then train; what is there already is used again."""
        from toprung.ladder.climb.halving import Candidate
        from toprung.ladder.climb.halving_runs import halve_runs
        from toprung.ladder.climb.recipes import epochs_of_recipe, with_epochs

        full = self.epochs or max(epochs_of_recipe(recipe) for recipe in self.recipes.values())
        ranking = halve_runs(
            [Candidate(name, recipe) for name, recipe in self.recipes.items()],
            self.source,
            folder=self.run,
            display=display,
            start_epochs=max(1, full // 9),
            full_epochs=full,
            survivors=self.keep,
        )
        for one in ranking.standings:
            display.say(f"{one.candidate.name:<10} {'kept' if one.is_kept else 'dropped'}: {one.reason}")
        made = []
        for candidate in ranking.kept[: self.keep]:
            run = self.run.with_name(f"{self.run.name}-{candidate.name}")
            recipe = candidate.recipe
            if self.epochs and self.epochs < epochs_of_recipe(recipe):
                recipe = with_epochs(recipe, self.epochs)
            if not _is_finished(run):
                TrainJob(run, recipe, self.source, self.pictures, run.is_dir()).perform(display)
            made.append(run.name)
        return {"runs": made}


@dataclass(frozen=True)
class FoldsJob:
    """Train a recipe once for each fold, and put the models together, or train one on all.

    Attributes:
        run: the run to make at the end.
        recipe: of every fold.
        source: the table of the climb's pictures; its test pictures are in no fold.
        folds: how many.
        final: ``ensemble`` or ``refit``.
    """

    run: Path
    recipe: Recipe
    source: Path
    folds: int
    final: str

    def perform(self, display: Display) -> dict[str, Any]:
        """Train the folds; finished ones are used again."""
        from toprung.ladder.climb.folds.ensemble import ensemble
        from toprung.ladder.climb.folds.folds import NOTE, refit, run_folds

        began = time.monotonic()
        folder = self.run.with_name(f"{self.run.name}-oof")
        result = run_folds(self.source, self.recipe, folds=self.folds, folder=folder, display=display)
        spread = "  ".join(f"{one:.2%}" for one in result.accuracies)
        display.say(f"folds      {spread}; mean {result.mean:.2%}, standard deviation {100 * result.sd:.2f} points")
        display.say(f"           {NOTE}")
        if self.final == "refit":
            refit(result, self.recipe, self.run, display=display)
        else:
            ensemble(result, self.source, self.run)
        values = _ended(self.run)
        return values | {"seconds": values["seconds"] or round(time.monotonic() - began, 1)}


def _is_finished(run: Path) -> bool:
    folder = RunFolder(run)
    return folder.record_file.is_file() and str(folder.record().get("status")) == "finished"
