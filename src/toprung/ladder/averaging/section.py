"""The part of a report that shows an average beside its parents, as plain values for the template."""

from __future__ import annotations

from typing import Any

from toprung.ladder.averaging.table import EXPLAINED, findings, rows_of, tried_rows
from toprung.ladder.reading import Record, listing, mapping, number, text


def average_section(record: Record) -> dict[str, Any]:
    """Return what the page of an average shows of its parents; empty for any other run."""
    if not listing(record.run.get("parents")) or not text(record.run.get("method")):
        return {}
    splits = [split for split in ("test", "val") if mapping(record.scores.get(split))]
    scores = {split: record.scores[split] for split in splits}
    return {
        "findings": list(findings(record.run, scores)) if scores else [],
        "explained": EXPLAINED,
        "splits": [
            {
                "name": split,
                "pictures": int(number(mapping(scores[split]).get("pictures")) or 0),
                "rows": rows_of(record.run, scores, split),
            }
            for split in splits
        ],
        "tried": tried_rows(record.run),
        "notes": [text(note) for note in listing(record.run.get("notes")) if text(note)],
    }
