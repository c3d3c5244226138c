"""The folder of a climb: made, found again, and held by one climb at a time."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from toprung.errors import RunError
from toprung.ladder.climb.record import FILE, ClimbRecord
from toprung.runs.folder import free_name
from toprung.storage import holding as holding_file

_LOCK = ".lock"


def place_of(out: Path | None, runs: Path, ladder: str, source: Path) -> Path:
    """Return the folder for a climb: the one asked for, else that of the same ladder and pictures, else a free name.

    Raises:
        RunError: something that is no climb stands there.
    """
    if out is not None:
        if out.exists() and not (out / FILE).is_file() and (not out.is_dir() or any(out.iterdir())):
            raise RunError(f"{out} exists already and is no climb; choose another --out.")
        return out
    stem, number = ladder, 1
    while (runs / stem).exists():
        if (runs / stem / FILE).is_file() and _is_of(runs / stem, ladder, source):
            return runs / stem
        number += 1
        stem = f"{ladder}-{number}"
    return free_name(runs, stem)


def _is_of(folder: Path, ladder: str, source: Path) -> bool:
    try:
        content = ClimbRecord.open(folder).content
    except RunError:
        return False
    return content.get("ladder") == ladder and content.get("source") == str(source.resolve())


def holding(folder: Path) -> AbstractContextManager[None]:
    """Hold a climb's folder, so that no second climb works in it; the system lets go of it when the process dies.

    Processes that this one starts hold it too, so that a killed climb is free only when its last child has ended.

    Raises:
        RunError: another climb holds it.
    """
    busy = RunError(
        f"another climb is at work in {folder}; wait for it, watch it with `toprung board {folder} --watch`, "
        "or choose another --out."
    )
    return holding_file(folder / _LOCK, busy, inherited=True)
