"""Writing files so that a crash, a full disk or Ctrl-C never leaves half of one under its final name."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from toprung.errors import StorageError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def explain(error: OSError, path: Path, doing: str = "write") -> StorageError:
    """Turn an operating system error into a sentence for the user."""
    if error.errno in _FULL:
        return StorageError(f"cannot {doing} {path}: the disk is full; free some space and try again.")
    if error.errno in _FORBIDDEN:
        return StorageError(f"cannot {doing} {path}: no permission; choose another place or change its rights.")
    if error.errno == errno.ENOTDIR:
        return StorageError(f"cannot {doing} {path}: a part of the path is a file, not a folder; choose another place.")
    return StorageError(f"cannot {doing} {path}: {error.strerror or error}; choose another place.")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary file beside ``path`` to write; on success flush it to disk and rename it over ``path``.

    If the body fails, the temporary file is removed and whatever stood at ``path`` stays as it was.

    Raises:
        StorageError: the folder cannot be made or the file cannot be written (full disk, no permission).
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".partial")
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes private files; results are ordinary ones
        temporary.replace(path)
    except OSError as error:
        raise explain(error, path) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` in one step: the file holds either all of it or what it held before."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text like :func:`write_bytes`."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON, readable where it can be, like :func:`write_bytes`.

    A name that the file system gave and that is not UTF-8 (``os.fsdecode`` makes lone surrogates of it) is escaped,
    and so comes back as it was.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = json.dumps(content, indent=2)
    write_text(path, text + "\n")


def make_folder(path: Path) -> None:
    """Make a folder and its parents; an existing one is fine.

    Raises:
        StorageError: no permission, full disk, or a file stands in the way.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain(error, path, "make the folder") from error


@contextlib.contextmanager
def holding(path: Path, busy: Exception, *, inherited: bool = False) -> Iterator[None]:
    """Hold a lock file, made if need be with its folder; the system lets go of it however the process dies.

    Without the system's file locks (Windows) nothing is held.

    Args:
        path: of the lock file, which stays.
        busy: raised when another process holds it.
        inherited: processes started meanwhile hold it too, so that it is free only when the last of them has ended.

    Raises:
        StorageError: the folder or the file cannot be made.
    """
    make_folder(path.parent)
    try:
        import fcntl
    except ImportError:
        yield
        return
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise explain(error, path) from error
    os.set_inheritable(handle, inherited)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise busy from None
        yield
    finally:
        os.close(handle)
