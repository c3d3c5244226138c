"""The climb as a picture: score with its interval against training cost, as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from toprung.ladder.wording import duration, percent, percent_span

_WIDTH, _HEIGHT = 760, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 24, 22, 44
_STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400, 259200, 604800)


@dataclass(frozen=True)
class Point:
    """A run in the picture.

    Attributes:
        name: of the run.
        seconds: of training, above 0.
        accuracy, low, high: in [0, 1].
        won: it won the climb.
        tied: it cannot be told apart from the winner.
    """

    name: str
    seconds: float
    accuracy: float
    low: float
    high: float
    won: bool
    tied: bool


def climb_chart(points: Sequence[Point], split: str) -> Markup:
    """Draw the runs; seconds on a logarithmic axis.

    Returns:
        An ``<svg>``; empty markup without points.
    """
    if not points:
        return Markup()
    least, most = min(p.seconds for p in points), max(p.seconds for p in points)
    x_low, x_high = math.log(least) - 0.35, math.log(most) + 0.55
    y_low = max(0.0, math.floor((min(p.low for p in points) - 0.01) * 20) / 20)
    y_high = min(1.0, math.ceil((max(p.high for p in points) + 0.005) * 20) / 20)

    def x_of(seconds: float) -> float:
        return _LEFT + (math.log(seconds) - x_low) / (x_high - x_low) * (_WIDTH - _LEFT - _RIGHT)

    def y_of(share: float) -> float:
        return _TOP + (y_high - share) / (y_high - y_low) * (_HEIGHT - _TOP - _BOTTOM)

    title = f"Accuracy on {split} with 95 % intervals against training time"
    parts = [
        Markup('<svg class="climb" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(_WIDTH, _HEIGHT, title)
    ]
    for tick in _shares(y_low, y_high):
        y = y_of(tick)
        parts.append(_line("grid", _LEFT, y, _WIDTH - _RIGHT, y))
        parts.append(_text("tick", _LEFT - 8, y + 4, "end", percent(tick, 0)))
    for seconds in _times(math.exp(x_low), math.exp(x_high)):
        x = x_of(seconds)
        parts.append(_line("grid faint", x, _TOP, x, _HEIGHT - _BOTTOM))
        parts.append(_text("tick", x, _HEIGHT - _BOTTOM + 18, "middle", _short(seconds)))
    parts.append(_text("axis", _WIDTH - _RIGHT, _HEIGHT - 6, "end", "training time →"))
    parts.append(_text("axis", 6, 12, "start", f"accuracy on {split}"))
    placed: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda one: (not one.won, -one.accuracy)):
        x, y = x_of(point.seconds), y_of(point.accuracy)
        style = "won" if point.won else "tied" if point.tied else "told"
        interval = percent_span(point.low, point.high)
        tip = f"{point.name}: {percent(point.accuracy)} ({interval}), {duration(point.seconds)}"
        parts.append(Markup('<g class="{}"><title>{}</title>').format(style, tip))
        parts.append(_line("span", x, y_of(point.high), x, y_of(point.low)))
        parts.append(Markup('<circle cx="{:.1f}" cy="{:.1f}" r="{}"/>').format(x, y, 7 if point.won else 5.5))
        label = _free(placed, x, y)
        side = "end" if x > _WIDTH - 170 else "start"
        shift = -11 if side == "end" else 11
        parts.append(
            _text("name", x + shift, label + 4, side, point.name if len(point.name) < 25 else point.name[:24] + "…")
        )
        parts.append(Markup("</g>"))
        placed.append((x, label))
    parts.append(Markup("</svg>"))
    return Markup("").join(parts)


def _free(placed: Sequence[tuple[float, float]], x: float, y: float) -> float:
    """Return a height near ``y`` at which a name does not lie on another one."""
    for step in range(12):
        for way in (1, -1):
            height = y + way * 15 * step
            if all(abs(height - other) >= 14 or abs(x - across) > 150 for across, other in placed):
                return min(max(height, _TOP), _HEIGHT - _BOTTOM)
    return y


def _shares(low: float, high: float) -> list[float]:
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2) if (high - low) / s <= 8)
    return [round(k * step, 4) for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _times(low: float, high: float) -> list[int]:
    found = [step for step in _STEPS if low <= step <= high]
    return found[:: math.ceil(len(found) / 7)] if found else []


def _short(seconds: int) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _line(style: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(style, x1, y1, x2, y2)


def _text(style: str, x: float, y: float, anchor: str, said: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(style, x, y, anchor, said)
