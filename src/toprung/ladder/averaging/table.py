"""The average beside its parents, and what was tried, as tables on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from toprung.ladder.reading import Json, listing, mapping, number, text
from toprung.ladder.wording import NONE, decimal, percent, percent_span

EXPLAINED = (
    "gained: pictures that only the average has right; lost: that only this parent has right; "
    "p: McNemar's exact test of these two numbers"
)


def print_average(record: Json, scores: Json, console: Console) -> None:
    """Print the accuracy of an average and of its parents on each split, with McNemar's p, and what was tried.

    Args:
        record: ``run.json`` of the average.
        scores: its ``scores.json``.
        console: where to.
    """
    _print_tried(record, console)
    for split in scores:
        console.print(_beside(record, scores, split))
    console.print(Text(EXPLAINED, style="dim"))
    for line in findings(record, scores):
        console.print(Text(line), soft_wrap=True)


def findings(record: Json, scores: Json) -> Iterator[str]:
    """Yield, for the split that counts, whether the average is told apart from its best parent; or that it is one."""
    split = "test" if "test" in scores else next(iter(scores))
    parents = [mapping(one) for one in listing(record.get("parents"))]
    alone = next((parent for parent in parents if number(parent.get("share")) == 1), None)
    if alone is not None:
        tried = "no mean was better on the pictures to choose on" if listing(record.get("tried")) else "as asked"
        yield f"The result is {text(alone.get('name'))} as it is: {tried}."
        return
    for parent in parents:
        if parent.get("best") is not True:
            continue
        outcome = mapping(mapping(parent.get("paired")).get(split))
        p_value, mine, theirs = (number(outcome.get(key)) for key in ("p_value", "average_only", "parent_only"))
        if p_value is None or mine is None or theirs is None:
            continue
        name = text(parent.get("name"))
        verdict = "Not told apart from" if p_value >= 0.05 else "Better than" if mine > theirs else "Worse than"
        yield (
            f"{verdict} its best parent, {name}: {mine:.0f} of the {split} pictures gained, {theirs:.0f} lost "
            f"(p = {p_value:.2g})."
        )


def rows_of(record: Json, scores: Json, split: str) -> list[dict[str, Any]]:
    """Return the rows of a split, the average first: name, share, accuracy with interval, log-loss and the test."""
    own = mapping(scores.get(split))
    rows = [_row("average", None, own, {}, best=False)]
    for parent in (mapping(one) for one in listing(record.get("parents"))):
        values, outcome = mapping(parent.get("scores")).get(split), mapping(parent.get("paired")).get(split)
        best = parent.get("best") is True
        rows.append(
            _row(text(parent.get("name")), number(parent.get("share")), mapping(values), mapping(outcome), best=best)
        )
    return rows


def _row(name: str, share: float | None, values: Json, outcome: Json, *, best: bool) -> dict[str, Any]:
    accuracy, loss = mapping(values.get("accuracy")), mapping(values.get("log_loss"))
    mine, theirs = number(outcome.get("average_only")), number(outcome.get("parent_only"))
    p_value = number(outcome.get("p_value"))
    return {
        "name": name,
        "best": best,
        "share": "" if share is None else percent(share),
        "accuracy": percent(accuracy.get("value"), 2),
        "span": percent_span(accuracy.get("low"), accuracy.get("high")),
        "log_loss": decimal(loss.get("value")),
        "gained": "" if mine is None else f"{mine:.0f}",
        "lost": "" if theirs is None else f"{theirs:.0f}",
        "p": "" if p_value is None else f"{p_value:.2g}",
    }


def _beside(record: Json, scores: Json, split: str) -> Table:
    pictures = number(mapping(scores.get(split)).get("pictures"))
    title = f"{split}, {NONE if pictures is None else f'{pictures:.0f}'} pictures{_role(record, split)}"
    table = Table(box=box.SIMPLE_HEAD, title_justify="left", title=title, pad_edge=False, collapse_padding=True)
    table.add_column("", overflow="fold", min_width=8)
    for name in ("share", "accuracy", "95 % interval", "log-loss", "gained", "lost", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows_of(record, scores, split):
        cells = (row[key] for key in ("share", "accuracy", "span", "log_loss", "gained", "lost", "p"))
        table.add_row(Text(row["name"], style="bold" if row["best"] else ""), *cells)
    return table


def _role(record: Json, split: str) -> str:
    if not listing(record.get("tried")):
        return ""
    return ": the average was chosen on these" if split == "val" else ": not used to choose"


def tried_rows(record: Json) -> list[dict[str, str]]:
    """Return the means that were tried: what, accuracy, log-loss, and whether it was kept."""
    rows = []
    for step in (mapping(one) for one in listing(record.get("tried"))):
        found = mapping(step.get("judgement"))
        rows.append(
            {
                "what": text(step.get("what")),
                "accuracy": percent(found.get("accuracy"), 2),
                "log_loss": decimal(found.get("log_loss")),
                "kept": "kept" if step.get("kept") is True else "",
            }
        )
    return rows


def _print_tried(record: Json, console: Console) -> None:
    rows = tried_rows(record)
    if not rows:
        return
    table = Table(box=box.SIMPLE_HEAD, title_justify="left", title="tried on the selection pictures", pad_edge=False)
    table.add_column("")
    table.add_column("accuracy", justify="right")
    table.add_column("log-loss", justify="right")
    table.add_column("")
    for row in rows:
        table.add_row(Text(row["what"]), row["accuracy"], row["log_loss"], row["kept"])
    console.print(table)
