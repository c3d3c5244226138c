"""The part of a report that shows a fused model's members, as plain values for the template."""

from __future__ import annotations

from typing import Any

from toprung.ladder.reading import Record, listing, mapping, number, text


def fusion_section(record: Record) -> dict[str, Any]:
    """Return what the page of a fused model shows of its members; empty for any other run."""
    fusion = mapping(record.run.get("fusion"))
    members = [mapping(one) for one in listing(fusion.get("members"))]
    if not members:
        return {}
    gains = mapping(record.run.get("gain"))
    return {
        "method": text(record.run.get("method")),
        "best": text(record.run.get("best_member")),
        "gains": [
            {"split": split, **{name: number(value) for name, value in mapping(gains[split]).items()}}
            for split in ("test", "val")
            if mapping(gains.get(split))
        ],
        "members": [
            {
                "name": text(one.get("name")),
                **{name: number(value) for name, value in one.items() if name != "name"},
            }
            for one in members
        ],
        "pairs": [
            {
                "names": f"{text(one.get('first'))} and {text(one.get('second'))}",
                **{name: number(one.get(name)) for name in ("disagreement", "both_wrong", "q")},
            }
            for one in (mapping(pair) for pair in listing(fusion.get("pairs")))
        ],
    }
