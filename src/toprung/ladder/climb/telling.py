"""What a climb tells while it goes: the plan, the start and the end of each rung."""

from __future__ import annotations

from collections.abc import Mapping

from toprung.errors import RunError
from toprung.ladder.climb.budget import Allotment, allot, duration
from toprung.ladder.climb.context import Context, Step
from toprung.ladder.climb.planning import Planned, cost_of
from toprung.ladder.climb.record import ClimbRecord, RungRecord
from toprung.ladder.display import Display
from toprung.runs.folder import RunFolder
from toprung.training.sizes import format_size


def tell_plan(context: Context, planned: Mapping[str, Planned], remaining: float | None, display: Display) -> None:
    """Tell of each rung what it would take, and whether the budget allows it.

    Args:
        context: of the climb.
        planned: with speeds.
        remaining: seconds of the budget, ``None`` for none.
        display: where to.
    """
    costs = {rung.name: cost_of(rung, planned, context) for rung in context.ladder.rungs}
    known = [cost for cost in costs.values() if cost is not None]
    allotments = allot(known, float("inf") if remaining is None else remaining)
    display.say(f"{'rung':<22} {'model':<32} {'epochs':>6} {'time':>10} {'memory':>9}")
    for rung in context.ladder.rungs:
        one = planned.get(rung.name, Planned(None))
        model = one.recipe.model.name if one.recipe else rung.kind
        allotment = allotments.get(rung.name)
        epochs = str(allotment.epochs) if allotment and allotment.epochs else "-"
        time = f"{duration(allotment.seconds):>10}" if allotment and not allotment.refusal else f"{'?':>10}"
        memory = format_size(one.speed.memory) if one.speed and one.speed.memory else "-"
        display.say(f"{rung.name:<22} {model:<32} {epochs:>6} {time} {memory:>9}{_note(one, allotment)}")
    total = sum(allotment.seconds for allotment in allotments.values())
    of = "" if remaining in (None, float("inf")) else f" of {duration(remaining or 0.0)}"
    display.say(f"in all     about {duration(total)}{of}")


def tell_start(
    record: ClimbRecord, rung: RungRecord, step: Step, resumes: bool, remaining: float, display: Display
) -> None:
    """Tell which run starts, and what is left of the budget."""
    names = [one["name"] for one in record.rungs()]
    place = f"rung {names.index(rung['name']) + 1} of {len(names)}"
    told = [f"about {duration(rung['estimate_seconds'])}"] if rung["estimate_seconds"] else []
    told += [f"{duration(remaining)} of the budget left"] if remaining != float("inf") else []
    again = ", goes on" if resumes else ""
    display.say("")
    display.say(f"── {place}: {step.stem}{again}" + (f" ({'; '.join(told)})" if told else ""))


def tell_end(record: ClimbRecord, name: str, display: Display) -> None:
    """Tell how a rung ended, with its score on the selection split."""
    rung = record.rung(name) or {}
    status = rung["status"]
    if status == "failed":
        display.warn(f"{name:<10} failed: {rung['error']}")
    elif status == "skipped":
        display.warn(f"{name:<10} skipped: {rung['reason']}")
    else:
        took = f" in {duration(rung['seconds'])}" if rung["seconds"] is not None else f": {rung['reason']}"
        scores = [text for run in record.finished_runs(name) if (text := _val(run))]
        display.say(f"{name:<10} {status}{took}; {', '.join(scores) or 'no score on val'}")


def _val(run: RunFolder) -> str:
    try:
        accuracy = run.read_json(run.scores_file)["val"]["accuracy"]
    except (RunError, KeyError):
        return ""
    return f"val {accuracy['value']:.2%} ({accuracy['low']:.1%} … {accuracy['high']:.1%})"


def _note(one: Planned, allotment: Allotment | None) -> str:
    if one.error:
        return f"  {'skipped' if one.kind == 'WeightsError' else 'cannot be climbed'}: {one.error}"
    if allotment is not None and allotment.refusal:
        return f"  skipped: {allotment.refusal}"
    return ""
