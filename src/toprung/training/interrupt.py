"""Ways to stop a run before its end: Ctrl-C or a termination signal between two steps, an observer after an epoch."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self

from toprung.errors import ToprungError


class Interrupted(ToprungError):
    """Training stopped on request; its state is saved."""

    exit_code = 130


class Pruned(ToprungError):
    """An observer of the run had no further use for it and raised this from ``on_epoch``; the run ends for good.

    The epoch stands in the records, and the best model so far is kept; the run is neither scored nor a failure.
    """


class StopSignal:
    """Within a ``with`` block, the first SIGINT or SIGTERM sets ``requested``; a second SIGINT stops at once.

    A SIGTERM after either stops nothing: torchrun and batch systems send it on top of the first, while the state
    is being saved.

    Outside the main thread signals cannot be caught, and ``requested`` stays false.
    """

    def __init__(self) -> None:
        self.requested = False
        self.name = ""
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.name == "Ctrl-C":
            raise KeyboardInterrupt
        self.requested = True
        self.name = "Ctrl-C" if number == signal.SIGINT else self.name or "a termination signal"
