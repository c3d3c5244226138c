"""The part of a report that shows the heads of a probe, as plain values for the template."""

from __future__ import annotations

from typing import Any

from toprung.ladder.reading import Record, listing, mapping, number, text


def heads(record: Record) -> dict[str, Any] | None:
    """Return the heads that were fitted and the one that was kept; ``None`` for a run that is no probe."""
    probe = mapping(record.run.get("probe"))
    if not probe:
        return None
    kept, features = text(probe.get("head")), mapping(probe.get("features"))
    given = [mapping(one) for one in listing(probe.get("heads"))]
    return {
        "rows": [
            {
                "name": text(one.get("head")),
                "kept": text(one.get("head")) == kept,
                "chosen": text(one.get("chosen")),
                "accuracy": one.get("val_accuracy"),
                "log_loss": one.get("val_log_loss"),
                "seconds": one.get("seconds"),
            }
            for one in given
        ],
        "views": number(probe.get("views")) or 1,
        "needed": features.get("needed"),
        "computed": features.get("computed"),
        "seconds": features.get("seconds"),
        "selection": text(record.run.get("selection")),
    }
