"""Amounts of memory as people write them: ``24GiB``, ``800MB``."""

from __future__ import annotations

import re

from toprung.errors import RecipeError

_UNITS = {"": 1, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_size(text: str) -> int:
    """Return bytes: ``24GiB`` counts in powers of 1024, ``24GB`` in powers of 1000, a plain number is bytes.

    Raises:
        RecipeError: not an amount above 0.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)(b?)\s*", text, flags=re.IGNORECASE)
    if found is None or (found[3] and not found[2]):
        raise RecipeError(f"{text!r} is not an amount of memory; write it as in 24GiB, 24GB or 800MB.")
    prefix = found[2].lower()
    size = round(float(found[1]) * ((1024 if found[3] else 1000) ** _UNITS[prefix] if prefix else 1))
    if size <= 0:
        raise RecipeError(f"{text!r} is no memory at all; write an amount such as 24GiB.")
    return size


def format_size(size: int) -> str:
    """Return bytes as GiB with one digit, or as whole MiB below that."""
    return f"{size / 1024**3:.1f} GiB" if size >= 1024**3 else f"{size / 1024**2:.0f} MiB"
