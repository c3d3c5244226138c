"""Rungs under way: a child process for each device, and waiting for the first that ends."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from toprung.ladder.climb.devices import Device
from toprung.ladder.climb.jobs import Child, Job, Outcome

_PAUSE = 0.1  # seconds between two looks at the children


@dataclass
class Task:
    """A job of a rung under way.

    Attributes:
        rung: its name.
        run: folder that is made.
        device: that it has to itself.
        child: its process.
        began: monotonic time.
    """

    rung: str
    run: Path
    device: Device
    child: Child
    began: float


class AtWork:
    """The jobs under way, at most one for each device.

    Args:
        devices: where they run.
        logs: folder for what children say; ``None`` for the terminal, which several cannot share.
    """

    def __init__(self, devices: Sequence[Device], logs: Path | None) -> None:
        self._free = list(devices)
        self._logs = logs
        self.tasks: list[Task] = []

    @property
    def has_room(self) -> bool:
        """Whether a device is free."""
        return bool(self._free)

    def start(self, rung: str, run: Path, job: Job) -> None:
        """Start a job on a free device."""
        device = self._free.pop(0)
        log = None if self._logs is None else self._logs / f"{run.name}.log"
        child = Child(job, environment=device.environment, log=log)
        self.tasks.append(Task(rung, run, device, child, time.monotonic()))

    def wait(self) -> tuple[Task, Outcome]:
        """Wait until one has ended, and give its device back."""
        while True:
            for task in self.tasks:
                if task.child.poll():
                    self.tasks.remove(task)
                    self._free.insert(0, task.device)
                    return task, task.child.wait()
            time.sleep(_PAUSE)

    def stop(self) -> None:
        """Ask all to save their state and end, and wait until they have; a second Ctrl-C stops the waiting."""
        for task in self.tasks:
            task.child.stop()
        for task in self.tasks:
            task.child.wait()
        self.tasks.clear()


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Within the block a termination signal is like Ctrl-C."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
