"""Turn Ctrl-C and a termination signal into a wish that the loop grants between two steps."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self

from toprung.errors import ToprungError


class Interrupted(ToprungError):
    """Training stopped on request; its state is saved."""

    exit_code = 130


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
