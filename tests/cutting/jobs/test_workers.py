import os
import time
from collections import Counter

import pytest

from toprung.cutting.jobs.workers import Died, run_in_processes
from toprung.errors import ToprungError


def tell(number: int) -> tuple[int, int, str]:
    import cv2

    if number == 3:
        os._exit(9)
    return number, cv2.getNumThreads(), os.environ["OMP_NUM_THREADS"]


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


class Unloadable:
    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (5,)

    def __call__(self, order: object) -> object:
        return order


def test_every_order_is_begun_and_answered_once() -> None:
    before = os.environ.get("OMP_NUM_THREADS")
    events = list(run_in_processes(tell, range(8), jobs=2, threads=1))
    assert os.environ.get("OMP_NUM_THREADS") == before
    assert Counter(order for order, _ in events) == dict.fromkeys(range(8), 2)
    for order, answer in events:
        if order == 3:
            assert answer in (None, Died(9))
        else:
            assert answer in (None, (order, 1, "1"))


def test_closing_ends_the_work_at_once() -> None:
    start = time.monotonic()
    results = run_in_processes(sleep, [0.0, 300.0], jobs=2, threads=1)
    assert any(answer == 0.0 for _, answer in results)
    results.close()  # type: ignore[attr-defined]
    assert time.monotonic() - start < 60


def test_processes_that_cannot_start_end_the_work() -> None:
    with pytest.raises(ToprungError, match="cannot start"):
        list(run_in_processes(Unloadable(), [1, 2], jobs=1, threads=1))


def test_nothing_to_do() -> None:
    assert list(run_in_processes(tell, [], jobs=2, threads=1)) == []
