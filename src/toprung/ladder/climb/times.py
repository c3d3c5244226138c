"""Times as people write them."""

from __future__ import annotations

import re

from toprung.errors import RecipeError

_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(s|sec|m|min|h|d)?")
_UNITS = {"": 1, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def parse_time(text: str) -> float:
    """Return seconds of ``90``, ``90s``, ``30m``, ``1.5h`` or ``1h30m``.

    Raises:
        RecipeError: any other text, or no time at all.
    """
    rest, total = text.strip().lower(), 0.0
    while rest:
        found = _TIME.match(rest)
        if not found:
            raise RecipeError(f"{text!r} is not a time; write 90s, 30m or 2h.")
        total += float(found[1]) * _UNITS[found[2] or ""]
        rest = rest[found.end() :].strip()
    if total <= 0:
        raise RecipeError(f"{text!r} is not a time above 0; write 90s, 30m or 2h.")
    return total
