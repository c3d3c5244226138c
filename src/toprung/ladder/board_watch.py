"""The board on the terminal while a climb goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live

from toprung.errors import RunError
from toprung.ladder.board import BoardRow, read_board
from toprung.ladder.board_table import draw_board
from toprung.ladder.climb.record import FILE, ClimbRecord

PAUSE = 3.0  # seconds between two readings


def watch_board(
    runs: Path, *, split: str | None, console: Console | None = None, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Show the board of a folder anew every few seconds, until its climb has ended or Ctrl-C.

    On something that is no terminal, the board is printed whenever it has changed.

    Args:
        runs: a climb, or any folder of runs; that of no climb is watched until Ctrl-C.
        split: rank by this split alone.
        console: where to.
        sleep: waits between two readings.

    Raises:
        RunError: no such folder.
    """
    console = console or Console()
    if not runs.is_dir():
        raise RunError(f"there is no folder {runs} to watch.")
    if not console.is_terminal:
        _print_changes(runs, split, console, sleep)
        return
    with Live(_drawn(runs, split, console), console=console, auto_refresh=False) as live:
        while not has_ended(runs):
            sleep(PAUSE)
            live.update(_drawn(runs, split, console), refresh=True)


def has_ended(runs: Path) -> bool:
    """Say whether a folder's climb is over; a folder without a climb never is."""
    if not (runs / FILE).is_file():
        return False
    return ClimbRecord.open(runs).content.get("status") != "running"


def _print_changes(runs: Path, split: str | None, console: Console, sleep: Callable[[float], None]) -> None:
    before: list[BoardRow] | None = None
    while True:
        ended = has_ended(runs)
        rows = _rows(runs, split)
        if rows != before:
            console.print(_draw(rows, console))
            before = rows
        if ended:
            return
        sleep(PAUSE)


def _drawn(runs: Path, split: str | None, console: Console) -> RenderableType:
    return _draw(_rows(runs, split), console)


def _rows(runs: Path, split: str | None) -> list[BoardRow]:
    try:
        return read_board(runs, split=split)
    except RunError:  # no rung has begun
        return []


def _draw(rows: list[BoardRow], console: Console) -> RenderableType:
    if not rows:
        return "no rung has begun yet"
    return Group(*draw_board(rows, width=console.width, encoding=console.encoding))
