"""A fusion: the answers of several runs put together, with weights fitted on the selection split."""

from __future__ import annotations

import shlex
from pathlib import Path

from toprung.ladder.climb.context import HERE, Context, NotNow, Step
from toprung.ladder.climb.identity import digest
from toprung.ladder.climb.jobs import Job
from toprung.ladder.climb.kinds import register
from toprung.ladder.climb.ladder_file import Rung
from toprung.ladder.climb.run_jobs import FusionJob

METHOD = "auto"


class FusionStep(Step):
    """Fuse runs."""

    resumable = False

    def __init__(self, stem: str, key: str, members: tuple[Path, ...], method: str) -> None:
        words = ["toprung", "fuse", *map(str, members), "--method", method, "--out"]
        super().__init__(stem, key, f"{shlex.join(words)} {HERE}")
        self._members, self._method = members, method

    def job(self, run: Path, *, resume: bool) -> Job:
        """Return the fusing."""
        return FusionJob(run, self._members, self._method)


@register("fusion")
def fusion_steps(rung: Rung, context: Context) -> list[Step]:
    """Return the fusing of the members."""
    members = context.runs_of(rung.members, before=rung.name)
    if len(members) < 2:
        raise NotNow(f"a fusion needs two finished runs, and there is {len(members) or 'none'}")
    method = rung.method or METHOD
    key = digest({"fusion": method, "members": [context.key_of(run) for run in members]})
    return [FusionStep(rung.name, key, tuple(run.path for run in members), method)]
