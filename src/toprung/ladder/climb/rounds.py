"""The climbing itself: which rung starts when, where, and what is written down when it ends."""

from __future__ import annotations

import shlex
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toprung.errors import RunError, ToprungError, WeightsError
from toprung.ladder.climb.at_work import AtWork, Task
from toprung.ladder.climb.budget import Allotment, Cost, allot
from toprung.ladder.climb.context import HERE, Context, NotNow, Step
from toprung.ladder.climb.devices import Device
from toprung.ladder.climb.jobs import Outcome
from toprung.ladder.climb.kinds import steps_of
from toprung.ladder.climb.ladder_file import ALL, BEST, Rung
from toprung.ladder.climb.planning import Planned, cost_of, measure_speeds
from toprung.ladder.climb.record import val_score
from toprung.ladder.climb.telling import tell_end, tell_start
from toprung.ladder.display import Display, Silent
from toprung.runs.folder import RunFolder, free_name

_OPEN = ("running", "interrupted")


class Rounds:
    """Climbs the rungs of a context.

    Args:
        context: pictures, record, ladder.
        devices: where rungs run.
        budget: seconds in all, ``None`` for as long as it takes.
        began: monotonic time at which this sitting began.
        display: where to tell what happens.
    """

    def __init__(
        self, context: Context, devices: Sequence[Device], budget: float | None, began: float, display: Display
    ) -> None:
        self.planned: Mapping[str, Planned] = {}
        self._context, self._record, self._display = context, context.record, display
        self._budget, self._began = budget, began
        self._before = float(context.record.content["spent_seconds"])
        aside = len(devices) > 1 or isinstance(display, Silent)
        self._work = AtWork(devices, context.folder / "logs" if aside else None)
        self._devices = len(devices)
        self._waiting = list(context.ladder.rungs)
        self._queues: dict[str, list[Step]] = {}
        self._costs: dict[str, float] = {}
        self._ratios: list[float] = []

    @property
    def spent(self) -> float:
        """Seconds of this climb so far, earlier sittings included."""
        return self._before + time.monotonic() - self._began

    @property
    def remaining(self) -> float:
        """Seconds of the budget that are left; infinite without one."""
        return float("inf") if self._budget is None else self._budget - self.spent

    def climb(self) -> None:
        """Climb all rungs; each ends finished, reused, failed or skipped.

        Raises:
            KeyboardInterrupt: after the rungs under way have saved their state.
        """
        try:
            while self._waiting or self._work.tasks:
                self._start_what_can()
                if self._work.tasks:
                    self._take_in(*self._work.wait())
        except KeyboardInterrupt:
            self._interrupt()
            raise

    def _start_what_can(self) -> None:
        for rung in list(self._waiting):
            if not self._work.has_room:
                return
            if self._is_ready(rung):
                self._waiting.remove(rung)
                self._begin(rung)

    def _is_ready(self, rung: Rung) -> bool:
        """Say whether all that a rung depends on has come to its end, well or not."""
        open_names = {other.name for other in self._waiting} | {task.rung for task in self._work.tasks}
        if rung.start == BEST or (rung.kind in ("soup", "fusion") and ALL in rung.members):
            names = [one["name"] for one in self._record.rungs()]
            before = set(names[: names.index(rung.name)])
            return not before & open_names
        return not set(rung.parents) & open_names

    def _begin(self, rung: Rung) -> None:
        """Decide what becomes of a rung, and start its first run."""
        try:
            for needed in rung.parents:
                self._context.best_run_of(needed)
            known = self.planned.get(rung.name)
            if known is not None and known.error:
                raise known.exception()
            if known is not None and known.speed is not None and not rung.search:
                self._context.precisions[rung.name] = known.speed.precision
            reusable = self._reusable(rung)
            if not reusable:
                self._allow(rung)
            steps = steps_of(rung, self._context)
        except (NotNow, WeightsError) as reason:
            self._record.note(rung.name, status="skipped", reason=str(reason))
            tell_end(self._record, rung.name, self._display)
            return
        except ToprungError as error:
            self._record.note(rung.name, status="failed", error=str(error))
            tell_end(self._record, rung.name, self._display)
            return
        self._queues[rung.name] = steps
        self._next(rung.name)

    def _reusable(self, rung: Rung) -> bool:
        """Say whether all runs of a rung are there already, so that it takes no time."""
        return all(self._kept(step) is not None for step in steps_of(rung, self._context))

    def _allow(self, rung: Rung) -> None:
        """Ask the budget for a rung's time.

        Raises:
            NotNow: it does not have it.
        """
        if self._budget is None or rung.kind in ("soup", "fusion"):
            return  # these take seconds, and what was trained is worth little without them
        allotment = self._allotment(rung)
        if allotment is not None and allotment.refusal:
            self._display.say(f"plan       {rung.name} is timed once more before it is left out")
            self.planned = measure_speeds(self.planned, self._context, again=(rung.name,))
            allotment = self._allotment(rung)
        if allotment is None:
            return  # nothing is known of it; it may try
        if allotment.refusal:
            raise NotNow(allotment.refusal)
        self._context.epochs[rung.name] = allotment.epochs
        self._costs[rung.name] = allotment.seconds / self._factor
        self._record.note(rung.name, estimate_seconds=round(allotment.seconds, 1))

    @property
    def _factor(self) -> float:
        """How much longer than measured the rungs have taken so far."""
        return min(2.0, max(0.6, statistics.median(self._ratios))) if self._ratios else 1.0

    def _allotment(self, rung: Rung) -> Allotment | None:
        """Return what the budget allows a rung, with all that wait; ``None`` where nothing is known of it."""
        costs: list[Cost] = []
        for other in (rung, *self._waiting):
            cost = cost_of(other, self.planned, self._context, factor=self._factor)
            if cost is not None:
                costs.append(cost)
        if not costs or costs[0].name != rung.name:
            return None
        return allot(costs, self.remaining * self._devices)[rung.name]

    def _next(self, name: str) -> None:
        """Start the next run of a rung, or close the rung when there is none."""
        while self._queues[name]:
            step = self._queues[name].pop(0)
            kept = self._kept(step)
            if kept is not None:
                for run in step.made(kept):
                    self._add(name, step, run)
                continue
            self._start(name, step)
            return
        self._close(name)

    def _start(self, name: str, step: Step) -> None:
        found = self._interrupted(step)
        run = found or free_name(self._context.folder, step.stem)
        self._add(name, step, run)
        rung = self._record.rung(name) or {}
        self._record.content["history"].append(
            {"rung": name, "run": run.name, "key": step.key, "cut": step.is_cut, "budget": self._budget}
        )
        self._record.note(name, status="running")
        tell_start(self._record, rung, step, found is not None, self.remaining, self._display)
        self._work.start(name, run, step.job(run, resume=found is not None))

    def _add(self, name: str, step: Step, run: Path) -> None:
        rung = self._record.rung(name) or {}
        known = dict(zip(rung["runs"], rung["keys"], strict=False)) | {run.name: step.key}
        commands = {**rung["commands"], run.name: step.command.replace(HERE, shlex.quote(str(run)))}
        first = commands[next(iter(known))]
        self._record.note(name, runs=list(known), keys=list(known.values()), commands=commands, command=first)

    def _take_in(self, task: Task, outcome: Outcome) -> None:
        """Write down how a run ended, and go on with the rung's next."""
        if outcome.interrupted:
            raise KeyboardInterrupt
        rung = self._record.rung(task.rung) or {}
        self._record.content["spent_seconds"] = round(self.spent, 1)
        took = time.monotonic() - task.began
        self._record.note(task.rung, seconds=round((rung["seconds"] or 0.0) + took, 1))
        if outcome.error:
            self._queues.pop(task.rung)
            ended = _finished(self._record.folder, rung)
            if outcome.kind == WeightsError.__name__ and not ended:  # they cannot be had, so nothing was tried
                self._record.note(task.rung, status="skipped", reason=outcome.error, runs=[], keys=[])
            else:
                self._record.note(task.rung, status="failed", error=outcome.error, runs=ended)
            tell_end(self._record, task.rung, self._display)
            return
        made = outcome.values.get("runs")
        if made:  # a job that made several, such as the survivors of a halving
            self._record.note(task.rung, runs=list(made), keys=[rung["keys"][-1]] * len(made))
        self._next(task.rung)

    def _close(self, name: str) -> None:
        rung = self._record.rung(name) or {}
        fresh = rung["seconds"] is not None
        if fresh:
            if self._costs.get(name):
                self._ratios.append(rung["seconds"] / self._costs[name])
            self._record.note(name, status="finished")
        else:
            reason = "the same recipe on the same pictures was there already"
            self._record.note(name, status="reused", reason=reason)
        tell_end(self._record, name, self._display)

    def _interrupt(self) -> None:
        self._display.say("stopping   the rungs under way save their state")
        names = {task.rung for task in self._work.tasks}
        self._work.stop()
        self._record.content["spent_seconds"] = round(self.spent, 1)
        for rung in self._record.rungs():
            if rung["name"] in names or rung["status"] == "running":
                rung["status"] = "waiting"
        self._record.update(status="interrupted")

    def _kept(self, step: Step) -> Path | None:
        """Return a finished run that is the same as a step's would be."""
        for entry in self._entries(step):
            run = self._context.folder / entry["run"]
            if step.status(run) == "finished" and (not entry["cut"] or entry["budget"] == self._budget):
                try:
                    for made in step.made(run):
                        val_score(RunFolder(made))
                except RunError:
                    continue
                return run
        return None

    def _interrupted(self, step: Step) -> Path | None:
        """Return a run that a step can go on with."""
        if not step.resumable:
            return None
        for entry in self._entries(step):
            run = self._context.folder / entry["run"]
            if step.status(run) in _OPEN and (not entry["cut"] or entry["budget"] == self._budget):
                return run
        return None

    def _entries(self, step: Step) -> list[dict[str, Any]]:
        return [one for one in reversed(self._record.content["history"]) if one["key"] == step.key]


def _status(run: RunFolder) -> str:
    try:
        return str(run.record().get("status"))
    except RunError:
        return ""


def _finished(folder: Path, rung: Mapping[str, Any]) -> list[str]:
    return [run for run in rung["runs"] if _status(RunFolder(folder / run)) in ("finished", "failed")]
