"""Advice on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from toprung.ladder.climb.advice import Advice

MOST = 5


def print_advice(advice: Sequence[Advice], console: Console, *, most: int = MOST) -> None:
    """Print the weightiest advice, each with its rule and the command to type; nothing where there is none.

    Args:
        advice: as :func:`toprung.ladder.climb.advice.advise` returns it.
        console: where to.
        most: how many.
    """
    if not advice:
        return
    console.print("[bold]What to try next[/bold]")
    for one in advice[:most]:
        console.print(Padding(f"• {escape(one.sentence)} [dim]({one.rule})[/dim]", (0, 0, 0, 2)))
        if one.command:
            # unbroken, so that it can be copied
            console.print(f"    {escape(one.command)}", style="cyan", soft_wrap=True, highlight=False)
    left = len(advice) - most
    if left > 0:
        console.print(f"  [dim]and {left} more on the page; docs/advice.md states the rules[/dim]")
