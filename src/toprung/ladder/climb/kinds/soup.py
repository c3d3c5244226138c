"""A soup: the mean of the weights of runs of one architecture."""

from __future__ import annotations

import shlex
from pathlib import Path

from toprung.ladder.climb.context import HERE, Context, NotNow, Step, is_trained_network
from toprung.ladder.climb.identity import digest
from toprung.ladder.climb.jobs import Job
from toprung.ladder.climb.kinds import register
from toprung.ladder.climb.ladder_file import ALL, Rung
from toprung.ladder.climb.record import val_score
from toprung.ladder.climb.run_jobs import SoupJob
from toprung.runs.folder import RunFolder

METHOD = "greedy"


class SoupStep(Step):
    """Average runs."""

    resumable = False

    def __init__(self, stem: str, key: str, members: tuple[Path, ...], method: str) -> None:
        words = ["toprung", "average", *map(str, members), "--method", method, "--out"]
        super().__init__(stem, key, f"{shlex.join(words)} {HERE}")
        self._members, self._method = members, method

    def job(self, run: Path, *, resume: bool) -> Job:
        """Return the averaging."""
        return SoupJob(run, self._members, self._method)


@register("soup")
def soup_steps(rung: Rung, context: Context) -> list[Step]:
    """Return the averaging of the members; of ``all``, those that share the architecture of the best."""
    members = context.runs_of(rung.members, before=rung.name)
    if ALL in rung.members:
        members = _like_the_best([run for run in members if is_trained_network(run)])
    if len(members) < 2:
        raise NotNow(f"a soup needs two trained runs of one architecture, and there is {len(members) or 'none'}")
    method = rung.method or METHOD
    key = digest({"soup": method, "members": [context.key_of(run) for run in members]})
    return [SoupStep(rung.name, key, tuple(run.path for run in members), method)]


def _like_the_best(runs: list[RunFolder]) -> list[RunFolder]:
    if not runs:
        return []
    model = max(runs, key=val_score).record().get("model")
    return [run for run in runs if run.record().get("model") == model]
