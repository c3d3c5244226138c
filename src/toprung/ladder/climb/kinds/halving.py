"""A halving: candidates are trained briefly, the better ones for longer, and the best of them in full."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from toprung.errors import RunError
from toprung.ladder.climb.context import Context, Step, weights_mark
from toprung.ladder.climb.identity import digest, recipe_key
from toprung.ladder.climb.jobs import Job
from toprung.ladder.climb.kinds import register
from toprung.ladder.climb.kinds.train import settled
from toprung.ladder.climb.ladder_file import Rung
from toprung.ladder.climb.recipes import rung_recipe
from toprung.ladder.climb.run_jobs import HalvingJob
from toprung.runs.folder import RunFolder
from toprung.training.recipe import Recipe


class HalvingStep(Step):
    """Halve candidates and train the kept ones.

    Its folder holds the short runs and ``halving.json``; the kept candidates' runs stand beside it.
    """

    def __init__(self, rung: Rung, key: str, recipes: dict[str, Recipe], context: Context) -> None:
        words = ["toprung", "climb", "--resume", str(context.folder)]
        super().__init__(rung.name, key, shlex.join(words))
        self._rung, self._recipes, self._context = rung, recipes, context

    def status(self, run: Path) -> str:
        """Return how far it is: finished when all kept candidates are trained."""
        if not run.is_dir():
            return ""
        try:
            kept = self.made(run)
        except RunError:
            return "interrupted"
        done = kept and all(_finished(RunFolder(one)) for one in kept)
        return "finished" if done else "interrupted"

    def made(self, run: Path) -> list[Path]:
        """Return the runs of the kept candidates."""
        try:
            content = json.loads((run / "halving.json").read_text(encoding="utf-8"))
            names = [str(one["name"]) for one in content["standings"] if one["kept"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"{run} holds no halving that came to its end.") from error
        return [run.with_name(f"{run.name}-{name}") for name in names]

    def job(self, run: Path, *, resume: bool) -> Job:
        """Return the halving and the training of the kept."""
        context = self._context
        epochs = context.epochs.get(self._rung.name, 0)
        return HalvingJob(run, self._recipes, context.table_file, context.pictures, self._rung.keep, epochs)


@register("halving")
def halving_steps(rung: Rung, context: Context) -> list[Step]:
    """Return the halving of all candidates."""
    recipes: dict[str, Recipe] = {}
    keys = []
    for one in rung.candidates:
        weights = context.weights_of(one)
        shared = {**context.shared, **rung.settings}
        recipe = rung_recipe(one, shared, context.forced, seed=context.seed, weights=weights or None)
        keys.append(recipe_key(recipe, context.data_hash, weights_mark(weights)))
        recipes[one.name] = settled(recipe, one, context)
    return [HalvingStep(rung, digest({"halving": keys, "keep": rung.keep}), recipes, context)]


def _finished(run: RunFolder) -> bool:
    try:
        return str(run.record().get("status")) == "finished"
    except RunError:
        return False
