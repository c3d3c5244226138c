"""Numbers and findings in plain words, for the report. Every function takes whatever a damaged file holds."""

from __future__ import annotations

import datetime

from toprung.ladder.reading import number

NONE = "–"
_THIN = "\u202f"  # narrow no-break space: between a number and its unit, and between thousands


def percent(value: object, digits: int = 1) -> str:
    """Return a share in [0, 1] as "87.3 %"."""
    share = number(value)
    return NONE if share is None else f"{100 * share:.{digits}f}{_THIN}%"


def percent_span(low: object, high: object, digits: int = 1) -> str:
    """Return two shares as "83.1–90.6 %"."""
    first, last = number(low), number(high)
    if first is None or last is None:
        return NONE
    return f"{100 * first:.{digits}f}–{100 * last:.{digits}f}{_THIN}%"


def decimal(value: object, digits: int = 3) -> str:
    """Return a number with so many digits after the point."""
    given = number(value)
    return NONE if given is None else f"{given:.{digits}f}"


def p_words(p_value: float) -> str:
    """Return a p-value as "p = 0.03" or "p < 0.001"."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"


def short(value: object) -> str:
    """Return a number with three or four figures that count: 0.00031 as "3.1e-04", 12.5 as "12.5"."""
    given = number(value)
    if given is None:
        return NONE
    if given != 0 and (abs(given) < 1e-3 or abs(given) >= 1e6):
        return f"{given:.1e}"
    return f"{given:.3g}" if abs(given) < 1000 else f"{given:.0f}"


def amount(value: object) -> str:
    """Return a count with its thousands apart."""
    given = number(value)
    return NONE if given is None else f"{given:,.0f}".replace(",", _THIN)


def parameters(value: object) -> str:
    """Return a number of parameters as "86.6 M"."""
    given = number(value)
    if given is None:
        return NONE
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if given >= size:
            return f"{given / size:.1f}{_THIN}{unit}"
    return f"{given:.0f}"


def duration(seconds: object) -> str:
    """Return seconds as "42 s", "4 min 12 s" or "3 h 05 min"."""
    given = number(seconds)
    if given is None or given < 0:
        return NONE
    whole = round(given)
    if whole < 60:
        return f"{given:.1f}{_THIN}s" if given < 10 else f"{whole}{_THIN}s"
    if whole < 3600:
        return f"{whole // 60}{_THIN}min {whole % 60:02d}{_THIN}s"
    return f"{whole // 3600}{_THIN}h {whole % 3600 // 60:02d}{_THIN}min"


def moment(value: object) -> str:
    """Return an ISO time as "24 November 2025, 14:45"; what is no time comes back as it is."""
    if not isinstance(value, str):
        return NONE
    try:
        when = datetime.datetime.fromisoformat(value)
    except ValueError:
        return value
    return f"{when.day} {when:%B %Y, %H:%M}"


def plural(count: object, one: str, many: str = "") -> str:
    """Return "1 picture" or "2 pictures"."""
    given = number(count) or 0
    return f"{amount(given)} {one if given == 1 else many or one + 's'}"


def split_name(split: str) -> str:
    """Return a split as it is called in a sentence."""
    return {"val": "validation", "train": "training"}.get(split, split)
