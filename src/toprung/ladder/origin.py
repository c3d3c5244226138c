"""Where a run comes from: which pictures, when, by which command. Torch-free."""

from __future__ import annotations

import datetime
import hashlib
import shlex
import sys
from pathlib import Path

from toprung.data.table import Table


def data_hash(table: Table) -> str:
    """Return a hash of which pictures (by content) have which label and stand in which split."""
    rows = sorted(
        f"{content} {table.classes[label]} {split}"
        for content, label, split in zip(table.hashes, table.labels, table.splits, strict=True)
    )
    return hashlib.blake2b("\n".join(rows).encode(), digest_size=16).hexdigest()


def now() -> str:
    """Return the time with its zone, to the second (ISO 8601)."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")


def command_line() -> str:
    """Return the command that was typed, "" where toprung was called from Python."""
    program = Path(sys.argv[0])
    if program.name == "toprung" or program.parent.name == "toprung":  # the script, or python -m toprung
        return shlex.join(["toprung", *sys.argv[1:]])
    return ""
