"""The end of a climb: the winner, what is told of it, what to try next, and the page."""

from __future__ import annotations

from toprung.ladder.climb.advice import advise
from toprung.ladder.climb.advice_shown import MOST
from toprung.ladder.climb.ending import ending_lines, ending_of, finished_runs
from toprung.ladder.climb.jobs import Child
from toprung.ladder.climb.page.maps import MapsJob
from toprung.ladder.climb.page.write import write_climb_page
from toprung.ladder.climb.record import ClimbRecord
from toprung.ladder.climb.winner import choose_winner
from toprung.ladder.display import Display
from toprung.ladder.origin import now


def finish(record: ClimbRecord, display: Display) -> None:
    """Name the winner, close the record, write the page, and tell what came of it."""
    record.update(status="finished", finished=now(), winner=choose_winner(record))
    display.say("")
    found = ending_of(record)
    if found is None:
        display.warn("no rung came to its end; the reasons stand above")
    else:
        for word, said in ending_lines(record, found):
            display.say(f"{word:<10} {said}")
        _draw_maps(record, display)
    advice = advise(finished_runs(record))
    for place, one in enumerate(advice[:MOST]):
        display.say(f"{'try next' if place == 0 else '':<10} {one.sentence}")
        if one.command:
            display.say(f"{'':<12} {one.command}")
    page = write_climb_page(record.folder)
    display.say(f"page       {page}")
    if found is not None:
        display.say(f"predict    toprung predict {record.folder / found.winner} PICTURES -o predictions.csv")


def _draw_maps(record: ClimbRecord, display: Display) -> None:
    """Draw maps of chosen mistakes, in a process that has torch; without them the page is whole all the same."""
    outcome = Child(MapsJob(record.folder)).wait()
    if outcome.interrupted:
        raise KeyboardInterrupt
    if outcome.error:
        display.say(f"maps       none: {outcome.error}")
