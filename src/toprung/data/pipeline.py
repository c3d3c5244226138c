"""Work on batches ahead of time in threads, and hand them out in order.

Threads, not processes: decoders and resamplers release the interpreter's lock, and nothing need be copied.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Plan = TypeVar("Plan")
Result = TypeVar("Result")

AHEAD = 3  # batches under way


def cores() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
                under_way.append(([pool.submit(job) for job in jobs], finish))
            if not under_way:
                return
            futures, finish = under_way.popleft()
            for future in futures:
                future.result()
            yield finish()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
