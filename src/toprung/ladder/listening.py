"""Hear of each epoch of a run: a display that passes everything on to another, and epochs to a listener as well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from toprung.ladder.display import Display, ReadingProgress, TrainingDisplay
from toprung.training.events import EpochEvent, StepEvent

Listener = Callable[[EpochEvent], None]
"""Told of each epoch after it was recorded and shown; may raise :class:`toprung.training.interrupt.Pruned`."""


class Listening:
    """A display with a listener.

    Args:
        display: that shows what happens.
        listener: told of each epoch; what it raises ends the run.
    """

    def __init__(self, display: Display, listener: Listener) -> None:
        self._display, self._listener = display, listener

    def say(self, text: str) -> None:
        """Print a line."""
        self._display.say(text)

    def warn(self, text: str) -> None:
        """Print a line that must not be overlooked."""
        self._display.warn(text)

    def reading(self, what: str) -> ReadingProgress:
        """Show progress over many files."""
        return self._display.reading(what)

    def training(self, total_steps: int, done: int) -> TrainingDisplay:
        """Show training, and listen."""
        return _ListeningTraining(self._display.training(total_steps, done), self._listener)


class _ListeningTraining:
    def __init__(self, shown: TrainingDisplay, listener: Listener) -> None:
        self._shown, self._listener = shown, listener

    def __enter__(self) -> Self:
        self._shown.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._shown.__exit__(*exception)

    def on_step(self, event: StepEvent) -> None:
        self._shown.on_step(event)

    def on_epoch(self, event: EpochEvent) -> None:
        self._shown.on_epoch(event)
        self._listener(event)

    def on_note(self, text: str) -> None:
        self._shown.on_note(text)
