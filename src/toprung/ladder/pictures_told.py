"""What a person is told of the pictures of a run before it starts."""

from __future__ import annotations

from pathlib import Path

from toprung.data.table import SPLITS
from toprung.ladder.display import Display
from toprung.ladder.pictures import Pictures
from toprung.runs.folder import RunFolder

_LEAKS = 10  # listed on the terminal


def say_pictures(pictures: Pictures, folder: Path, display: Display) -> None:
    """Tell counts, unreadable files, leaks and doubtful labels; ``folder`` is where the lists stand."""
    table, health = pictures.table, pictures.health.to_json()
    run = RunFolder(folder)
    counts = ", ".join(f"{table.splits.count(name)} {name}" for name in SPLITS if name in table.splits)
    display.say(f"pictures   {len(table)} in {len(table.classes)} classes: {counts}")
    if pictures.unreadable:
        first = pictures.unreadable[0]
        display.say(f"left out   {len(pictures.unreadable)} unreadable files, listed in {run.unreadable_file}")
        display.say(f"           first {first.path}: {first.reason}")
    if health["leaks"]:
        count = len(health["leaks"])
        display.warn(f"LEAKS      {count} pictures stand in more than one split: scores will be too good")
        for leak in health["leaks"][:_LEAKS]:
            display.warn("           " + "  =  ".join(leak["paths"]))
        if count > _LEAKS:
            display.warn(f"           and {count - _LEAKS} more in {run.health_file}")
    if health["conflicts"]:
        count = len(health["conflicts"])
        display.say(f"doubtful   {count} pictures carry two labels, see {run.report_file} or `toprung data`")
