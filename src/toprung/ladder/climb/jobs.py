"""Work of a climb that is done in a process of its own, so that its end, however sudden, does not end the climb.

A job is pickled to the child's standard input, which stays open: when it closes, the climb has died, and the child
saves its state and ends too.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from toprung.ladder.display import Display

INTERRUPTED = 130


class Job(Protocol):
    """A piece of work; it is pickled, and what it needs beyond the standard library is imported when it is done."""

    def perform(self, display: Display) -> dict[str, Any]:
        """Do it, and return plain values."""


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        values: what it returned; empty unless it came to its end.
        error: why it did not, in a sentence; "" where it did.
        kind: name of the error's class; "" where it came to its end.
        interrupted: it was stopped and can go on later.
    """

    values: dict[str, Any]
    error: str = ""
    kind: str = ""
    interrupted: bool = False


class Child:
    """A job under way.

    Args:
        job: to do.
        environment: variables of the child beyond those of this process.
        log: where its words go; ``None`` for the terminal.
    """

    def __init__(self, job: Job, *, environment: Mapping[str, str] | None = None, log: Path | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="toprung-")
        self._answer = Path(self._folder.name) / "answer.json"
        self._log: IO[bytes] | None = None
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            self._log = log.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "toprung.ladder.climb.worker", str(self._answer)],
            stdin=subprocess.PIPE,
            close_fds=False,  # it holds the folder of the climb too, until it has ended
            stdout=self._log,
            stderr=self._log,
            env={**os.environ, **(environment or {})},
        )
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died at once; its exit code tells
            self._process.stdin.write(pickle.dumps(job))
            self._process.stdin.flush()

    def poll(self) -> bool:
        """Say whether it has ended."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """Ask it to save its state and end."""
        if not self.poll():
            self._process.send_signal(signal.SIGTERM)

    def wait(self) -> Outcome:
        """Wait for its end."""
        code = self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        if self._log is not None:
            self._log.close()
        try:
            content = json.loads(self._answer.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            content = {}
        self._folder.cleanup()
        if content.get("interrupted") or code in (INTERRUPTED, -signal.SIGTERM, -signal.SIGINT):
            return Outcome({}, interrupted=True)
        if code == 0 and "values" in content:
            return Outcome(content["values"])
        return Outcome({}, content.get("error") or _sudden_end(code), content.get("kind") or "Crash")


def _sudden_end(code: int) -> str:
    if code >= 0:
        return f"its process ended with code {code} and said nothing."
    with contextlib.suppress(ValueError):
        name = signal.Signals(-code).name
        hint = ", most likely because memory ran out" if -code == signal.SIGKILL else ""
        return f"its process was ended by {name}{hint}."
    return f"its process was ended by signal {-code}."
