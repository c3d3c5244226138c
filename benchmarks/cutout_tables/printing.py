"""Tables of figures as plain text, toprung's beside the peers' and the ratio to the best of them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

OURS = "toprung"


def table(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[float]], digits: Sequence[int]) -> None:
    """Print a table; a figure that is not there is a dash.

    Args:
        title: above it.
        columns: names of the figures.
        rows: figures by method.
        digits: behind the point, of each column.
    """
    wide = max([len(name) for name in rows] + [10]) + 2
    widths = [max(len(column), 9) + 2 for column in columns]
    print(f"\n{title}")
    print(" " * wide + "".join(f"{name:>{width}}" for name, width in zip(columns, widths, strict=True)))
    for name, figures in rows.items():
        cells = [
            f"{'–':>{width}}" if math.isnan(figure) else f"{figure:>{width}.{places}f}"
            for figure, width, places in zip(figures, widths, digits, strict=True)
        ]
        print(f"{name:<{wide}}" + "".join(cells), flush=True)


def ratio(what: str, rows: Mapping[str, Sequence[float]], column: int, *, left_out: str = "TRUE") -> None:
    """Print how many times smaller toprung's error is than the best peer's.

    Args:
        what: the figure's name.
        rows: figures by method.
        column: which.
        left_out: peers whose name holds this are no peers (they see the truth).
    """
    others = {name: row[column] for name, row in rows.items() if not name.startswith(OURS) and left_out not in name}
    others = {name: figure for name, figure in others.items() if not math.isnan(figure)}
    if OURS not in rows or not others:
        return
    best = min(others, key=lambda name: others[name])
    ours = rows[OURS][column]
    times = others[best] / ours if ours > 0 else float("inf")
    print(f"{what}: toprung {ours:.4g}, best peer {others[best]:.4g} ({best}), {times:.2f} × smaller", flush=True)


def save(path: Path | None, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write one JSON object a line, when a path is given."""
    if path is not None:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
