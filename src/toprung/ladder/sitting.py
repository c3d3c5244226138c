"""One sitting at a run: who watches it, and what is written down when it ends otherwise than well."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from accelerate import Accelerator

from toprung.data.table import Table
from toprung.errors import DataError, StorageError, ToprungError, TrainingDiverged
from toprung.ladder.display import Display
from toprung.ladder.records import Records
from toprung.runs.folder import RunFolder
from toprung.training.events import Audience, Observer
from toprung.training.interrupt import Interrupted, Pruned
from toprung.training.state import Progress


@contextlib.contextmanager
def noting_end(run: RunFolder, accelerator: Accelerator, command: str) -> Iterator[None]:
    """Write a run's end to its record when the body is interrupted or fails, and say how to go on.

    Args:
        run: under way.
        accelerator: of this process.
        command: that resumes such a run, such as ``toprung train``.
    """
    try:
        yield
    except Interrupted as stop:
        _note_end(run, accelerator, status="interrupted")
        raise Interrupted(f"{stop}; continue with: {command} --resume {run.path}") from None
    except Pruned as stop:
        _note_end(run, accelerator, status="pruned", error=str(stop))
        raise
    except StorageError as error:
        with contextlib.suppress(StorageError):  # the record is perhaps not writable either
            _note_end(run, accelerator, status="interrupted")
        raise StorageError(f"{error} The run is whole; go on with: {command} --resume {run.path}") from error
    except TrainingDiverged as error:
        text = f"{error} {_what_was_kept(run)}"
        _note_end(run, accelerator, status="failed", error=text)
        raise TrainingDiverged(text) from error
    except ToprungError as error:
        _note_end(run, accelerator, status="failed", error=str(error))
        raise
    finally:
        accelerator.end_training()


@contextlib.contextmanager
def watching(
    run: RunFolder, display: Display, accelerator: Accelerator, total: int, position: Progress
) -> Iterator[Observer]:
    """Write and show the events of a run, from its position on."""
    if not accelerator.is_main_process:
        yield Audience([])
        return
    records = Records(run, accelerator)
    records.cut_back(step=position.step, epochs=position.epoch)
    accelerator.init_trackers("toprung", init_kwargs={"tensorboard": {"purge_step": position.step + 1}})
    with display.training(total, position.step) as shown:
        yield Audience([records, shown])


def require_files(table: Table) -> None:
    """Refuse to go on when pictures of a run are gone.

    Raises:
        DataError: naming the first.
    """
    gone = [path for path in table.paths if not path.is_file()]
    if gone:
        raise DataError(
            f"{len(gone)} of the run's {len(table)} pictures are gone, first {gone[0]}; put them back to go on."
        )


def _note_end(run: RunFolder, accelerator: Accelerator, **changes: str) -> None:
    if accelerator.is_main_process:
        run.update(**changes)


def _what_was_kept(run: RunFolder) -> str:
    if not run.last_file.is_file():
        return "It happened before the first checkpoint; train anew, into another folder."
    best = f" and the best model in {run.model}" if run.best_file.is_file() else ""
    return (
        f"The last good checkpoint{best} is kept; resuming would take the same steps again, "
        "so train anew, into another folder."
    )
