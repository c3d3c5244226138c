"""The folder of a climb: made, found again, and held by one climb at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from toprung.errors import RunError
from toprung.ladder.climb.record import FILE, ClimbRecord
from toprung.runs.folder import free_name
from toprung.storage import explain, make_folder

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


@contextlib.contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Hold a climb's folder, so that no second climb works in it; the system lets go of it when the process dies.

    Processes that this one starts hold it too, so that a killed climb is free only when its last child has ended.

    Raises:
        RunError: another climb holds it.
    """
    make_folder(folder)
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    try:
        handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise explain(error, folder / _LOCK) from error
    os.set_inheritable(handle, True)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunError(
                f"another climb is at work in {folder}; wait for it, watch it with `toprung board {folder} --watch`, "
                "or choose another --out."
            ) from None
        yield
    finally:
        os.close(handle)
