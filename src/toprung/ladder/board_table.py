"""The board as a table for the terminal, its intervals drawn on one axis."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from toprung.ladder.board_groups import SplitFacts, facts
from toprung.ladder.wording import NONE, amount, decimal, duration, percent, percent_span

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from toprung.ladder.board import BoardRow

_MODEL = 14  # columns below which a model's name says nothing


def draw_board(rows: Sequence[BoardRow], *, width: int, encoding: str = "utf-8") -> Iterator[RenderableType]:
    """Yield what to print: one table per split, what was not ranked, and what the marks mean.

    Args:
        rows: as :func:`toprung.ladder.board.read_board` gives them.
        width: columns of the terminal.
        encoding: of the terminal; names that it cannot show get question marks.
    """
    from rich.text import Text

    fancy = encoding.lower().startswith("utf")
    ranked = [row for row in rows if row.rank is not None]
    rest = [row for row in rows if row.rank is None]
    for split in dict.fromkeys(row.split for row in ranked):
        yield _ranking([row for row in ranked if row.split == split], width, encoding, fancy)
    if len({row.split for row in ranked}) > 1:
        yield Text("Scores on test and on val do not compare: on val the best epoch was chosen.", style="yellow")
    if any(row.chosen for row in ranked):
        yield Text("* won the climb: the best on val, so that its score on test was not picked", style="dim")
    if any(row.tied and row.p_value is not None for row in ranked):
        yield Text(
            "= cannot be told apart from the best (McNemar, exact, p ≥ 0.05 by Holm over all pairs)", style="dim"
        )
    if any(row.tied and row.p_value is None for row in ranked):
        yield Text("= not told apart from the best by their intervals alone (no predictions to pair)", style="dim")
    for fact in facts(ranked):
        for line in _fact_lines(fact):
            yield Text(_plain(line, encoding), style="dim")
    if any(row.other_pictures for row in ranked):
        yield Text("! scored on other pictures than the best, so the two do not compare", style="yellow")
    if any(row.partial_weights for row in ranked):
        yield Text("~ started from weights that did not fit, of which a part was loaded", style="yellow")
    if rest:
        yield _unranked(rest, encoding)


def _fact_lines(fact: SplitFacts) -> Iterator[str]:
    for one in fact.spreads:
        yield (
            f"seeds: {', '.join(one.names)}: {percent(one.mean)} on {fact.split}, standard deviation "
            f"{100 * one.deviation:.1f} points"
        )
    times = "once" if fact.looks == 1 else f"{fact.looks} times, once for each run"
    yield f"the {amount(fact.pictures)} {fact.split} pictures have been looked at {times}"
    if fact.smallest_difference is not None:
        yield (
            f"differences of {100 * fact.smallest_difference:.1f} points or more would be shown in 80 % of cases; "
            "smaller ones need more pictures"
        )


def interval_bar(row: BoardRow, start: float, columns: int, *, fancy: bool = True) -> str:
    """Draw accuracy and interval as text, such as ``"   ├──●─┤ "``.

    Args:
        row: with an accuracy.
        start: left end of the axis, below 1; the right end is 1.
        columns: characters.
        fancy: box-drawing characters, else ASCII.
    """
    left, line, dot, right = "├─●┤" if fancy else "|-o|"

    def place(share: float | None) -> int:
        across = ((share or 0.0) - start) / (1 - start)
        return min(max(round(across * (columns - 1)), 0), columns - 1)

    low, middle, high = place(row.low), place(row.accuracy), place(row.high)
    cells = [" "] * columns
    cells[low : high + 1] = line * (high + 1 - low)
    cells[low], cells[high] = left, right
    cells[middle] = dot
    return "".join(cells)


def _ranking(rows: Sequence[BoardRow], width: int, encoding: str, fancy: bool) -> Table:
    from rich.cells import cell_len
    from rich.text import Text

    runs = [_plain(row.name, encoding) for row in rows]
    models = [_plain(row.model, encoding) for row in rows]
    longest = max(map(cell_len, runs))
    # Take the richest set of figures that leaves the names room; they fold below 28 columns, not before.
    for columns, extra in ((24, True), (18, True), (18, False), (12, False)):
        figures = _figures(rows, columns, extra=extra, encoding=encoding, fancy=fancy)
        room = width - sum(len(column[0]) + 2 for column in figures) - 8  # 8: rank, marks, edges
        if room >= min(longest, 28) + _MODEL:
            break
    table = _table(f"{rows[0].split} split, best first")
    table.add_column("", no_wrap=True)
    with_model = room >= min(longest, 28) + _MODEL
    name_room = max(8, min(longest, room - _MODEL if with_model else room))
    table.add_column("run", overflow="fold", max_width=name_room)
    if with_model:
        overflow: Literal["ellipsis", "crop"] = "ellipsis" if fancy else "crop"
        table.add_column("model", overflow=overflow, no_wrap=True, max_width=room - name_room)
    for header, *_ in figures:
        table.add_column(header, justify="left" if "100" in header else "right", no_wrap=True)
    for i, row in enumerate(rows):
        marks = "".join(
            mark
            for mark, holds in (
                ("*", row.chosen),
                ("=", row.tied),
                ("!", row.other_pictures),
                ("~", row.partial_weights),
            )
            if holds
        )
        best = "bold green" if row.rank == 1 else ""
        names = [Text(runs[i], style=best), *([Text(models[i])] if with_model else [])]
        table.add_row(Text(f"{row.rank:>2}{marks}"), *names, *(Text(cells[i], style=best) for _, *cells in figures))
    return table


def _figures(rows: Sequence[BoardRow], columns: int, *, extra: bool, encoding: str, fancy: bool) -> list[list[str]]:
    """Return the columns of figures, each its header, padded to the column's width, and a cell per row."""
    lowest = min(row.low or 0.0 for row in rows)
    start = max(0.0, math.floor((lowest - 0.01) * 20) / 20)
    left, right = percent(start, 0), percent(1, 0)
    table = [
        ["n", *(amount(row.pictures) for row in rows)],
        ["accuracy", *(percent(row.accuracy) for row in rows)],
        ["95 % interval", *(percent_span(row.low, row.high) for row in rows)],
        [
            left + " " * max(1, columns - len(left) - len(right)) + right,
            *(interval_bar(row, start, columns, fancy=fancy) for row in rows),
        ],
    ]
    if extra:
        table += [
            ["balanced", *(percent(row.balanced_accuracy) for row in rows)],
            ["log-loss", *(decimal(row.log_loss) for row in rows)],
            ["epochs", *(NONE if row.epochs is None else str(row.epochs) for row in rows)],
            ["time", *(duration(row.seconds) for row in rows)],
        ]
    if not fancy:
        table = [[_plain(cell, encoding) for cell in column] for column in table]
    return [[column[0].rjust(max(map(len, column))), *column[1:]] for column in table]


def _unranked(rows: Sequence[BoardRow], encoding: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, title="not ranked", title_justify="left", title_style="bold", pad_edge=False)
    table.add_column("run", overflow="fold")
    table.add_column("model", overflow="fold")
    table.add_column("status")
    table.add_column("why", overflow="fold")
    for row in rows:
        tone = "red" if row.status in ("failed", "damaged") else "yellow"
        so_far = f"{percent(row.accuracy)} on {row.split} so far" if row.accuracy is not None else ""
        table.add_row(
            _show(row.name, encoding),
            _show(row.model, encoding),
            _show(row.status, encoding, tone),
            _show(row.error or so_far, encoding),
        )
    return table


def _table(title: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    return Table(
        box=SIMPLE_HEAD,
        title=title,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
        collapse_padding=True,
    )


def _show(value: str, encoding: str, style: str = "") -> Text:
    """Return text that is shown as it is, without rich's markup."""
    from rich.text import Text

    return Text(_plain(value, encoding), style=style)


def _plain(value: str, encoding: str) -> str:
    """Replace what the terminal cannot show, and control characters, which would move its cursor."""
    plain = "".join(c if c.isprintable() or c == "\u202f" else "?" for c in value)
    if not encoding.lower().startswith("utf"):
        plain = plain.replace("\u202f", " ").replace(NONE, "-")
    return plain.encode(encoding, "replace").decode(encoding, "replace")
