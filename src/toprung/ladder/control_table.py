"""An averaged model beside its controls, as a table on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from toprung.ladder.controls import read_controls, verdict


def print_controls(record: Mapping[str, Any], scores: Mapping[str, Any], console: Console) -> None:
    """Print how a run's averaged model compares with its controls, if it has any.

    Args:
        record: ``run.json``.
        scores: of the run, by split.
        console: where to.
    """
    for split, controls in read_controls(record).items():
        table = Table(box=box.SIMPLE_HEAD, title_justify="left", title=f"was it the averaging? ({split})")
        table.add_column("")
        for name in ("accuracy", "gained", "lost", "p"):
            table.add_column(name, justify="right")
        own = f"{scores[split]['accuracy']['value']:.2%}" if split in scores else ""
        table.add_row(str(record.get("weights", "average")), own, "", "", "")
        for control in controls:
            table.add_row(
                control.words,
                f"{control.accuracy:.2%}",
                str(control.gained),
                str(control.lost),
                f"{control.p_value:.2g}",
            )
        console.print(table)
        console.print(f"  {verdict(controls)}", soft_wrap=True)
