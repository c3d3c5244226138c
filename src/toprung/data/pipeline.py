"""Work on batches ahead of time in threads, and hand them out in order.

Threads, not processes: decoders and resamplers release the interpreter's lock, and nothing need be copied.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Plan = TypeVar("Plan")
Result = TypeVar("Result")

AHEAD = 3  # batches under way
PARTS = 2  # that each thread takes of a batch: more than one, so that none waits long for the others


def cores() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _run_all(jobs: Sequence[Callable[[], None]]) -> None:
    for job in jobs:
        job()


def batches_in_order(
    plans: Iterable[Plan],
    start: Callable[[Plan], tuple[list[Callable[[], None]], Callable[[], Result]]],
    *,
    threads: int,
) -> Generator[Result, None, None]:
    """Yield the result of each plan, in order, while the next ones are worked on.

    Args:
        plans: what each batch is to hold.
        start: makes of a plan its jobs, which run in threads in any order, and what gives the result when all
            are done.
        threads: how many.

    Raises:
        Exception: what a job raised, when its batch's turn comes; closing the generator cancels what waits.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="toprung-pictures")
    under_way: deque[tuple[list[Future[None]], Callable[[], Result]]] = deque()
    remaining = iter(plans)
    try:
        while True:
            while len(under_way) < AHEAD and (plan := next(remaining, None)) is not None:
                jobs, finish = start(plan)
                # A few pictures at a time: handing over each one alone would cost a tenth of its decoding.
                size = max(len(jobs) // (PARTS * threads), 1)
                parts = [jobs[first : first + size] for first in range(0, len(jobs), size)]
                under_way.append(([pool.submit(_run_all, part) for part in parts], finish))
            if not under_way:
                return
            futures, finish = under_way.popleft()
            for future in futures:
                future.result()
            yield finish()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
