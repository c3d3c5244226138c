"""Charts as inline SVG: no script, no library, colours from the page's style so that dark mode just works.

All are drawn about as wide as they are shown, so that text in them keeps its size on a phone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from toprung.evaluation.calibration import ReliabilityBin

WIDTH, HEIGHT = 340, 236
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 12, 34


@dataclass(frozen=True)
class Series:
    """One line of a chart.

    Attributes:
        name: shown in the legend, by the template.
        style: CSS class that gives the colour.
        points: (x, y), finite, in order of x.
        dots: draw each point, with its value as a tooltip.
    """

    name: str
    style: str
    points: Sequence[tuple[float, float]]
    dots: bool = False


def line_chart(
    series: Sequence[Series],
    *,
    x_label: str,
    title: str,
    show: Callable[[float], str],
    y_range: tuple[float, float] | None = None,
    mark: float | None = None,
) -> Markup:
    """Draw lines over a common x axis.

    Args:
        series: at least one with points; those without are left out.
        x_label: under the axis.
        title: read out to those who cannot see the chart.
        show: y value -> text, for ticks and tooltips.
        y_range: fixed ends of the y axis; from the data where ``None``.
        mark: x where a vertical line stands, such as the best epoch.

    Returns:
        An ``<svg>``; empty markup where no series has points.
    """
    # A diverged run may hold losses whose range is beyond what a float can hold.
    drawn = [replace(one, points=[(x, y) for x, y in one.points if max(abs(x), abs(y)) < 1e12]) for one in series]
    drawn = [one for one in drawn if one.points]
    if not drawn:
        return Markup()
    xs = [x for one in drawn for x, _ in one.points]
    ys = [y for one in drawn for _, y in one.points]
    x_ticks = _ticks(min(xs), max(xs), 6, whole=True)
    y_ticks = _ticks(*(y_range or (min(ys), max(ys))), 5)
    x_low, x_high = min(xs), max(xs)
    if x_low == x_high:
        x_low, x_high = x_low - 0.5, x_high + 0.5
    y_low, y_high = y_ticks[0], y_ticks[-1]

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - x_low) / (x_high - x_low)
        up = (min(max(y, y_low), y_high) - y_low) / (y_high - y_low)
        return (
            _LEFT + across * (WIDTH - _LEFT - _RIGHT),
            HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM),
        )

    parts = [_open(title, WIDTH, HEIGHT)]
    for tick in y_ticks:
        y = at(x_low, tick)[1]
        parts.append(_line("grid", _LEFT, y, WIDTH - _RIGHT, y))
        parts.append(_text(show(tick), _LEFT - 7, y + 3.5, "end"))
    for tick in x_ticks:
        if x_low <= tick <= x_high:
            parts.append(_text(f"{tick:g}", at(tick, y_low)[0], HEIGHT - _BOTTOM + 15, "middle"))
    parts.append(_text(x_label, WIDTH - _RIGHT, HEIGHT - 3, "end", "axis"))
    if mark is not None and x_low <= mark <= x_high:
        x = at(mark, y_low)[0]
        parts.append(_line("mark", x, _TOP, x, HEIGHT - _BOTTOM))
    for one in drawn:
        placed = [at(x, y) for x, y in one.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(Markup('<polyline class="line {}" points="{}"/>').format(one.style, path))
        # A lone point has no line: show it even where dots are not asked for.
        if one.dots or len(placed) == 1:
            for (x, y), (px, py) in zip(one.points, placed, strict=True):
                parts.append(
                    Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="{}"><title>{}</title></circle>').format(
                        one.style,
                        px,
                        py,
                        4.2 if x == mark else 2.4,
                        f"{one.name}, {x_label} {x:g}: {show(y)}",
                    )
                )
    parts.append(Markup("</svg>"))
    return Markup("").join(parts)


def reliability_chart(bins: Sequence[ReliabilityBin]) -> Markup:
    """Draw a reliability diagram: accuracy per bin of confidence, gap to the diagonal, how many pictures.

    Args:
        bins: as :func:`toprung.evaluation.calibration.reliability` gives them.

    Returns:
        An ``<svg>``; empty markup where no bin holds a picture.

    Source:
        Guo et al. 2017, figures 1 and 4.
    """
    total = sum(group.count for group in bins)
    if not total:
        return Markup()
    size, strip, gap = 330, 44, 12
    height = _TOP + size + gap + strip + _BOTTOM
    left, floor = 64, _TOP + size
    most = max(group.count for group in bins)
    parts = [_open("Reliability diagram: accuracy in each bin of confidence", left + size + 24, height)]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(_line("grid", left, floor - tick * size, left + size, floor - tick * size))
        parts.append(_text(f"{100 * tick:.0f} %", left - 7, floor - tick * size + 3.5, "end"))
        parts.append(_text(f"{100 * tick:.0f} %", left + tick * size, height - _BOTTOM + 15, "middle"))
    for group in bins:
        if group.accuracy is None or group.confidence is None:
            continue
        x, width = left + group.low * size + 1, (group.high - group.low) * size - 2
        bar, hoped = group.accuracy * size, group.confidence * size
        tip = (
            f"says {100 * group.confidence:.1f} %, gets {100 * group.accuracy:.1f} % right; "
            f"{group.count} of {total} pictures"
        )
        style = "over" if group.confidence > group.accuracy else "under"
        tall = strip * group.count / most
        parts.append(Markup("<g><title>{}</title>").format(tip))
        parts.append(_box("bar", x, floor - bar, width, bar))
        parts.append(_box(f"gap {style}", x, floor - max(bar, hoped), width, abs(bar - hoped)))
        parts.append(_line("edge", x, floor - bar, x + width, floor - bar))
        parts.append(_box("count", x, floor + gap + strip - tall, width, tall))
        parts.append(Markup("</g>"))
    parts.append(_line("diagonal", left, floor, left + size, _TOP))
    parts.append(_text("how many", left - 7, floor + gap + strip / 2 + 3.5, "end"))
    parts.append(_text("confidence", left + size, height - 3, "end", "axis"))
    parts.append(_text("accuracy", left + 6, _TOP + 12, "start", "axis"))
    parts.append(Markup("</svg>"))
    return Markup("").join(parts)


def _ticks(low: float, high: float, about: int, whole: bool = False) -> list[float]:
    """Return round numbers, about so many, that hold ``low`` and ``high`` between the first and the last."""
    if high <= low:
        pad = abs(low) * 0.1 or 0.5
        low, high = low - pad, high + pad
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(nice for nice in (1, 2, 2.5, 5, 10) if nice * power >= rough * 0.999)
    if whole:
        step = max(1.0, round(step) if step > 2 else math.ceil(step - 0.5))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [i * step for i in range(first, last + 1)]


def _open(title: str, width: float, height: float) -> Markup:
    return Markup('<svg class="chart" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}">').format(
        width, height, title
    )


def _line(style: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(style, x1, y1, x2, y2)


def _box(style: str, x: float, y: float, width: float, height: float) -> Markup:
    return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        style, x, y, max(width, 0), max(height, 0)
    )


def _text(content: str, x: float, y: float, anchor: str, style: str = "tick") -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        style, x, y, anchor, content
    )
