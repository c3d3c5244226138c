"""One job at a time in an output folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from toprung.errors import CutoutError
from toprung.storage import explain, make_folder

FILE = ".cutouts.lock"


@contextlib.contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Make the folder if need be and hold it; the system lets go of it when the process dies, however it dies.

    Raises:
        CutoutError: another job holds it.
        StorageError: the folder cannot be made or written.
    """
    make_folder(folder)
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    try:
        handle = os.open(folder / FILE, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise explain(error, folder / FILE) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CutoutError(f"another job is at work in {folder}; wait for it, or choose another --out.") from None
        yield
    finally:
        os.close(handle)
