"""The record of each entry, ``review/<id>/entry.json``: what the page knows of a photo, read again by later runs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

from toprung.cutting.review.entry import identifier

FORMAT = 1
FOLDER = "review"
_KEYS = {"status", "id", "revision", "expected_error", "interval", "reasons", "size", "place", "pictures", "candidates"}
STATUSES = ("failed", "check", "good")  # the worst first

Record: TypeAlias = dict[str, Any]
"""The content of one ``entry.json``: JSON values only, no file name that needs escaping."""


def record_file(folder: Path, name: str) -> Path:
    """Return where the record of an entry stands, whether it exists or not."""
    return Path(folder) / FOLDER / identifier(name) / "entry.json"


def read_record(file: Path) -> Record | None:
    """Return one record, None when it is missing, damaged, or of another format."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or record.get("format") != FORMAT or not isinstance(record.get("name"), str):
        return None
    if not record.keys() >= _KEYS or not isinstance(record["revision"], int):
        return None
    return record if record["status"] in STATUSES and record["id"] == file.parent.name else None


def read_records(folder: Path) -> list[Record]:
    """Return all records of an output folder, the worst first; damaged ones are left out."""
    files = sorted((Path(folder) / FOLDER).glob("*/entry.json"))
    return worst_first(record for record in map(read_record, files) if record is not None)


def worst_first(records: Iterable[Record]) -> list[Record]:
    """Sort by verdict (failed, check, good), then by expected error, the largest first, then by name."""
    return sorted(records, key=_badness)


def _badness(record: Record) -> tuple[int, float, str]:
    error = record.get("expected_error")
    known = isinstance(error, int | float) and math.isfinite(error)
    return STATUSES.index(record["status"]), -float(error) if known and error is not None else -math.inf, record["name"]
