"""The part of a report about the pictures themselves: how many, of what kind, and what is wrong with them."""

from __future__ import annotations

from typing import Any

from toprung.ladder.reading import Json, Record, listing, mapping, number, text
from toprung.ladder.thumbnails import Thumbnails
from toprung.ladder.wording import NONE, amount

SPLITS = ("train", "val", "test")
_GROUPS = 8  # shown as pictures; the rest as paths
_PER_GROUP = 4
_PATHS = 200  # listed at most: a report is read, not searched

_KINDS = {
    "leaks": ("Leaks between splits", "The same picture stands in two splits, so a score on it is too good."),
    "conflicts": ("Conflicting labels", "The same picture carries two labels; at most one of them is right."),
    "exact_duplicates": ("Exact duplicates", "Files with the same content."),
    "near_duplicates": ("Near duplicates", "Pictures that look the same to a perceptual hash."),
}


def data_health(record: Record, thumbnail: Thumbnails) -> dict[str, Any]:
    """Return counts, sizes, formats, and groups of pictures that want a look; empty without a health file."""
    health = record.health
    if not health:
        return {}
    shown: set[tuple[str, ...]] = set()
    groups = [_groups(kind, health, thumbnail, shown) for kind in _KINDS]
    unreadable = [mapping(one) for one in listing(health.get("unreadable"))]
    renamed = [mapping(one) for one in listing(health.get("wrong_extension"))]
    totals = {kind: len(listing(health.get(kind))) for kind in _KINDS}
    return {
        "tiles": [
            {"name": "pictures", "count": number(health.get("pictures")), "tone": ""},
            {"name": "classes", "count": len(listing(health.get("classes"))), "tone": ""},
            {"name": "leaks", "count": totals["leaks"], "tone": "bad"},
            {"name": "conflicting labels", "count": totals["conflicts"], "tone": "warn"},
            {"name": "exact duplicates", "count": totals["exact_duplicates"], "tone": "warn"},
            {"name": "near duplicates", "count": totals["near_duplicates"], "tone": "warn"},
            {"name": "unreadable", "count": len(unreadable), "tone": "warn"},
            {"name": "wrong extension", "count": len(renamed), "tone": "warn"},
        ],
        "counts": _counts(health),
        "facts": _facts(health),
        "groups": [group for group in groups if group],
        "unreadable": [
            {"path": text(one.get("path")), "reason": text(one.get("reason"))} for one in unreadable[:_PATHS]
        ],
        "unreadable_more": max(0, len(unreadable) - _PATHS),
        "renamed": [{"path": text(one.get("path")), "format": text(one.get("format"))} for one in renamed[:_PATHS]],
        "renamed_more": max(0, len(renamed) - _PATHS),
    }


def _counts(health: Json) -> dict[str, Any]:
    """Return pictures per class and split, with bar widths; the largest class fills the width."""
    by_split = {split: mapping(mapping(health.get("counts")).get(split)) for split in SPLITS}
    splits = [split for split in SPLITS if by_split[split]]
    named = [text(name) for name in listing(health.get("classes"))]
    classes = list(dict.fromkeys([*named, *(name for split in splits for name in by_split[split])]))
    rows: list[dict[str, Any]] = []
    for name in classes:
        numbers = {split: max(number(by_split[split].get(name)) or 0.0, 0.0) for split in splits}
        rows.append({"name": name, "numbers": numbers, "total": sum(numbers.values())})
    most = max((row["total"] for row in rows), default=0.0) or 1.0
    for row in rows:
        row["widths"] = {split: round(100 * count / most, 2) for split, count in row["numbers"].items()}
    sums = {split: sum(row["numbers"][split] for row in rows) for split in splits}
    return {"splits": splits, "rows": rows, "sums": sums, "total": sum(sums.values())}


def _facts(health: Json) -> list[tuple[str, str]]:
    facts = []
    for key, name in (("formats", "Formats"), ("modes", "Colour modes")):
        counts = {str(k): number(v) for k, v in mapping(health.get(key)).items()}
        known = sorted(((v, k) for k, v in counts.items() if v is not None), reverse=True)
        if known:
            facts.append((name, ", ".join(f"{k} {amount(v)}" for v, k in known)))
    for key, name in (("width", "Width"), ("height", "Height")):
        sizes = mapping(health.get(key))
        low, middle, high = (amount(sizes.get(part)) for part in ("min", "median", "max"))
        if (low, middle, high) != (NONE, NONE, NONE):
            facts.append((name, f"{low} to {high} pixels, median {middle}"))
    return facts


def _groups(kind: str, health: Json, thumbnail: Thumbnails, shown: set[tuple[str, ...]]) -> dict[str, Any]:
    """Return the groups of one kind. What an earlier kind showed as pictures is counted, not shown again."""
    given = [_group(mapping(one)) for one in listing(health.get(kind))]
    if not given:
        return {}
    title, meaning = _KINDS[kind]
    fresh = [group for group in given if group["key"] not in shown]
    pictured, listed = fresh[:_GROUPS], fresh[_GROUPS:]
    for group in pictured:
        shown.add(group["key"])
        for member in group["members"][:_PER_GROUP]:
            member["thumbnail"] = thumbnail(member["path"])
        group["more"] = len(group["members"]) - _PER_GROUP
        group["members"] = group["members"][:_PER_GROUP]
    return {
        "kind": kind,
        "title": title,
        "meaning": meaning,
        "count": len(given),
        "above": len(given) - len(fresh),
        "pictured": pictured,
        "listed": listed[:_PATHS],
        "more": max(0, len(listed) - _PATHS),
    }


def _group(given: Json) -> dict[str, Any]:
    paths = [text(path) for path in listing(given.get("paths"))]
    labels, splits = listing(given.get("labels")), listing(given.get("splits"))
    members = [
        {
            "path": path,
            "label": text(labels[i]) if i < len(labels) else "",
            "split": text(splits[i]) if i < len(splits) else "",
            "thumbnail": None,
        }
        for i, path in enumerate(paths)
    ]
    return {
        "members": members,
        "key": tuple(sorted(paths)),
        "kind": text(given.get("kind")),
        "distance": number(given.get("distance")),
        "more": 0,
    }
