"""Names from a file in messages: they may be of any length and hold anything."""

from __future__ import annotations

_LONGEST = 120


def shown(text: object) -> str:
    """Return a text short enough for a sentence, without line breaks and control characters."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(text)[:_LONGEST])
