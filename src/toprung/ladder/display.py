"""What a person sees while a run is under way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from toprung.training.events import EpochEvent, StepEvent

# Progress over files: what it yields is called with done and total.
ReadingProgress = AbstractContextManager[Callable[[int, int], None]]


class Display(Protocol):
    """Where a rung tells what it does."""

    def say(self, text: str) -> None:
        """Print a line."""

    def warn(self, text: str) -> None:
        """Print a line that must not be overlooked."""

    def reading(self, what: str) -> ReadingProgress:
        """Return a context manager that shows progress over many files."""

    def training(self, total_steps: int, done: int) -> TrainingDisplay:
        """Return a context manager and observer that shows training."""


class TrainingDisplay(Protocol):
    """An observer that is also a context manager."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...
    def on_step(self, event: StepEvent) -> None:
        """Show a step."""

    def on_epoch(self, event: EpochEvent) -> None:
        """Show an epoch."""

    def on_note(self, text: str) -> None:
        """Show a note."""


class RichDisplay:
    """A display on a terminal; when piped, one line per epoch and no bars."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)

    def say(self, text: str) -> None:
        """Print a line."""
        self.console.print(Text(text), soft_wrap=True)

    def warn(self, text: str) -> None:
        """Print a line in bold red."""
        self.console.print(Text(text, style="bold red"), soft_wrap=True)

    def reading(self, what: str) -> ReadingProgress:
        """Show a bar while files are read."""
        return _reading(self.console, what)

    def training(self, total_steps: int, done: int) -> RichTraining:
        """Show training from step ``done`` on."""
        return RichTraining(self.console, total_steps, done)


@contextmanager
def _reading(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    columns = (TextColumn(f"{what:<10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


class RichTraining:
    """A bar with step, loss, rate, speed, time left and best score, and a line per epoch above it."""

    def __init__(self, console: Console, total_steps: int, done: int) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}  lr {task.fields[lr]}  {task.fields[speed]} img/s"),
            TextColumn("[green]best {task.fields[best]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,  # piped, it would leave empty lines
        )
        self._total, self._done = total_steps, done
        self._task = TaskID(0)
        self._has_header = False

    def __enter__(self) -> Self:
        self._bar.start()
        unknown: dict[str, Any] = {"epoch": "1", "loss": "–", "lr": "–", "speed": "–", "best": "–"}
        self._task = self._bar.add_task("train", total=self._total, completed=self._done, **unknown)
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def on_step(self, event: StepEvent) -> None:
        """Move the bar."""
        self._bar.update(
            self._task,
            completed=event.step,
            epoch=str(event.epoch),
            loss=f"{event.loss:.3f}",
            lr=f"{event.lr:.1e}",
            speed=f"{event.images_per_second:.0f}",
        )

    def on_epoch(self, event: EpochEvent) -> None:
        """Print the epoch's line."""
        if not self._has_header:
            accuracy = "  val acc." if event.val_accuracy is not None else ""
            average = "  averaged" if event.ema_val_accuracy is not None else ""
            self._console.print(Text(f" epoch  train loss  val loss{accuracy}{average}     time", style="dim"))
            self._has_header = True
        accuracies = [one for one in (event.val_accuracy, event.ema_val_accuracy) if one is not None]
        line = (
            f"{event.epoch:>3}/{event.epochs:<3} {event.train_loss:>9.3f} {event.val_loss:>9.3f}"
            f"{''.join(f'  {one:8.2%}' for one in accuracies)}  {event.seconds:6.0f} s"
        )
        text = Text(line)
        if event.is_best:
            text.append("  best so far", style="green")
        self._console.print(text)
        self._bar.update(self._task, completed=event.step, best=_best(event))

    def on_note(self, text: str) -> None:
        """Print a note."""
        self._console.print(Text(text, style="yellow"))


def _best(event: EpochEvent) -> str:
    return f"loss {event.val_loss:.3f}" if event.best_accuracy is None else f"{event.best_accuracy:.2%}"


class Silent:
    """A display that shows nothing, for the Python API's ``progress=False`` and for other processes than the first."""

    def say(self, text: str) -> None:
        """Say nothing."""

    def warn(self, text: str) -> None:
        """Say nothing."""

    def reading(self, what: str) -> ReadingProgress:
        """Show nothing."""
        return _ignore()

    def training(self, total_steps: int, done: int) -> TrainingDisplay:
        """Show nothing."""
        return _SilentTraining()


@contextmanager
def _ignore() -> Iterator[Callable[[int, int], None]]:
    yield lambda done, total: None


class _SilentTraining:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def on_step(self, event: StepEvent) -> None:
        return None

    def on_epoch(self, event: EpochEvent) -> None:
        return None

    def on_note(self, text: str) -> None:
        return None
