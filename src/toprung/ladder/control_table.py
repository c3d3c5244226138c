"""An averaged model beside its controls, as a table on a terminal and as sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from toprung.ladder.variants import WORDS

LEVEL = 0.05


def print_controls(record: Mapping[str, Any], scores: Mapping[str, Any], console: Console) -> None:
    """Print how a run's averaged model compares with its controls, if it has any.

    Args:
        record: ``run.json``.
        scores: of the run, by split.
        console: where to.
    """
    controls = record.get("controls") or []
    for split in dict.fromkeys(control["split"] for control in controls):
        own = scores[split]["accuracy"]["value"]
        table = Table(box=box.SIMPLE_HEAD, title_justify="left", title=f"was it the averaging? ({split})")
        table.add_column("")
        for name in ("accuracy", "only avg. right", "only this right", "p"):
            table.add_column(name, justify="right")
        table.add_row(record.get("selection", "average"), f"{own:.2%}", "", "", "")
        shown = [control for control in controls if control["split"] == split]
        for control in shown:
            outcome = control["outcome"]
            table.add_row(
                WORDS[control["name"]],
                f"{control['accuracy']:.2%}",
                str(outcome["first_only"]),
                str(outcome["second_only"]),
                f"{outcome['p_value']:.2g}",
            )
        console.print(table)
        console.print(f"  {verdict(shown)}", soft_wrap=True)


def verdict(controls: list[Mapping[str, Any]]) -> str:
    """Return in one sentence whether the averaging itself did anything.

    It is judged by the last weights of the same training, with BatchNorm statistics made as the average's.
    """
    named = {control["name"]: control["outcome"] for control in controls}
    last = named.get("last-statistics") or named.get("last")
    if last is None:
        return ""
    gained, lost, p_value = last["first_only"], last["second_only"], last["p_value"]
    counts = f"{gained} pictures gained, {lost} lost against the last weights of the same training (p = {p_value:.2g})"
    if p_value >= LEVEL:
        return f"No gain of the averaging is shown: {counts}."
    return f"The averaging {'helped' if gained > lost else 'hurt'}: {counts}."
