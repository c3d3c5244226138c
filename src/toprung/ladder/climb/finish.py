"""The end of a climb: the winner, the page, and what is told."""

from __future__ import annotations

from toprung.ladder.climb.record import ClimbRecord
from toprung.ladder.climb.winner import choose_winner
from toprung.ladder.display import Display
from toprung.ladder.origin import now


def finish(record: ClimbRecord, display: Display) -> None:
    """Name the winner and close the record."""
    record.update(status="finished", finished=now(), winner=choose_winner(record))
    winner = record.content["winner"]
    if winner is None:
        display.warn("no rung came to its end; their errors stand above")
        return
    display.say(f"winner     {winner['run']}, chosen on val")
