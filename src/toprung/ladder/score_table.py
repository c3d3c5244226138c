"""Scores as tables on a terminal."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

_SHARES = {
    "accuracy": "accuracy",
    "top5": "top-5 accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
}
_NUMBERS = {"log_loss": "log-loss", "ece": "calibration error"}


def print_scores(scores: dict[str, Any], console: Console) -> None:
    """Print the scores of one split, each with its interval.

    Args:
        scores: as :func:`toprung.evaluation.metrics.score` gives them, with ``split``.
        console: where to.
    """
    table = Table(box=box.SIMPLE_HEAD, title_justify="left", title=f"{scores['split']}, {scores['pictures']} pictures")
    table.add_column("")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    for key, name in _SHARES.items():
        if key in scores:
            one = scores[key]
            table.add_row(name, f"{one['value']:.2%}", f"{one['low']:.2%} – {one['high']:.2%}")
    for key, name in _NUMBERS.items():
        one = scores[key]
        table.add_row(name, f"{one['value']:.4f}", f"{one['low']:.4f} – {one['high']:.4f}")
    console.print(table)
    if scores["ece"]["value"] > scores["ece"]["high"]:
        console.print(
            "  A calibration error measured on few pictures comes out too large; its interval is corrected for that.\n",
            style="dim",
            soft_wrap=True,
        )


def print_per_class(scores: dict[str, Any], console: Console) -> None:
    """Print precision, recall and F1 of each class, and what it is most often taken for."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("class")
    for name in ("pictures", "precision", "recall", "95 % interval", "F1"):
        table.add_column(name, justify="right")
    table.add_column("most often taken for")
    names = [one["class"] for one in scores["per_class"]]
    for place, one in enumerate(scores["per_class"]):
        table.add_row(
            one["class"],
            str(one["pictures"]),
            f"{one['precision']:.1%}",
            f"{one['recall']:.1%}",
            f"{one['recall_low']:.1%} – {one['recall_high']:.1%}",
            f"{one['f1']:.3f}",
            _worst(scores["confusion"][place], place, names),
        )
    console.print(table)


def _worst(row: list[int], own: int, names: list[str]) -> str:
    others = [(count, -place) for place, count in enumerate(row) if place != own and count]
    if not others:
        return ""
    count, place = max(others)
    return f"{names[-place]} ({count} ×)"
