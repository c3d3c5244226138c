"""One job at a time in an output folder."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from toprung.errors import CutoutError
from toprung.storage import holding as holding_file

FILE = ".cutouts.lock"


def holding(folder: Path) -> AbstractContextManager[None]:
    """Make the folder if need be and hold it.

    Raises:
        CutoutError: another job holds it.
        StorageError: the folder cannot be made or written.
    """
    busy = CutoutError(f"another job is at work in {folder}; wait for it, or choose another --out.")
    return holding_file(folder / FILE, busy)
