"""Work in several processes; one that dies costs the piece of work it had, nothing else."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Generic, TypeVar

from toprung.errors import ToprungError

Order = TypeVar("Order")
Result = TypeVar("Result")

_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_PATIENCE = 5.0  # seconds until a process that shall end is killed


@dataclass(frozen=True)
class Died:
    """The process that had this piece of work ended without an answer.

    Attributes:
        code: its exit code, negative for a signal: -9 is how the system ends a process when memory runs out.
    """

    code: int | None


class _Worker(Generic[Order, Result]):
    """A process and what it is working on."""

    def __init__(self, work: Callable[[Order], Result], threads: int) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy the locks of OpenCV's threads
        self.connection, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=_serve, args=(theirs, work, threads), daemon=True)
        with _limited(threads):
            self.process.start()
        theirs.close()
        self.is_ready = False
        self.order: Order | None = None

    def give(self, order: Order) -> None:
        """Hand over a piece of work."""
        self.order = order
        with contextlib.suppress(OSError):  # it has died; the next look at the connection tells
            self.connection.send(order)

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        self.process.terminate()
        self.process.join(_PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.connection.close()


def run_in_processes(
    work: Callable[[Order], Result], orders: Sequence[Order], *, jobs: int, threads: int
) -> Generator[tuple[Order, Result | Died | None], None, None]:
    """Yield each order with ``None`` when it is begun, and again with its result when it is done, in any order.

    Closing the iterator ends the processes at once.

    Args:
        work: a function of a module, told an order, returns a result; it must not raise.
        orders: what is to be done; they and the results are pickled.
        jobs: processes at most.
        threads: of each process, as far as OpenCV and numerical libraries obey.

    Raises:
        ToprungError: a process cannot even start.
    """
    waiting = list(reversed(orders))
    workers: list[_Worker[Order, Result]] = []
    try:
        workers += [_Worker(work, threads) for _ in range(min(jobs, len(orders)))]
        while workers:
            ready = wait([worker.connection for worker in workers])
            for worker in [worker for worker in workers if worker.connection in ready]:
                answer = _answer(worker)
                if worker.order is not None and answer is not None:
                    order, worker.order = worker.order, None
                    yield order, answer
                if isinstance(answer, Died):
                    worker.stop()
                    workers.remove(worker)
                    if len(workers) < len(waiting):
                        workers.append(_Worker(work, threads))
                elif waiting:
                    order = waiting.pop()
                    yield order, None
                    worker.give(order)
                else:
                    worker.stop()
                    workers.remove(worker)
    finally:
        for worker in workers:
            worker.stop()


def _answer(worker: _Worker[Order, Result]) -> Result | Died | None:
    """Return a worker's result, or how it died; None when it only tells that it has started."""
    try:
        answer: Result | None = worker.connection.recv()
    except (EOFError, OSError):
        worker.process.join()
        if not worker.is_ready:
            raise ToprungError(
                f"a process for the work cannot start (exit code {worker.process.exitcode}); try --jobs 1."
            ) from None
        return Died(worker.process.exitcode)
    worker.is_ready = True
    return answer


def _serve(connection: Connection, work: Callable[[Order], Result], threads: int) -> None:
    """Work until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import cv2

    cv2.setNumThreads(threads)
    with contextlib.suppress(EOFError, OSError):
        connection.send(None)  # started
        while True:
            connection.send(work(connection.recv()))


def _end_with_parent() -> None:
    """End this process when the one that started it is gone: its photo must not meet that of the next call."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextlib.contextmanager
def _limited(threads: int) -> Iterator[None]:
    """Set the environment that a process starts with, and put it back."""
    before = {name: os.environ.get(name) for name in _THREAD_LIMITS}
    os.environ.update(dict.fromkeys(_THREAD_LIMITS, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
