"""Time two ways of doing the same thing in turn, and print medians and the ratio."""

from __future__ import annotations

import datetime
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What one run took: wall and processor seconds (all threads and finished child processes)."""

    wall: float
    cpu: float


def cost_of(work: Callable[[], object]) -> Cost:
    """Run once and say what it took."""
    before, start = _cpu_seconds(), time.perf_counter()
    work()
    return Cost(time.perf_counter() - start, _cpu_seconds() - before)


class Served:
    """Work that a process of its own does on demand, so that neither side lives in the other's memory settings.

    Args:
        command: of a program that calls :func:`serve`.
    """

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def cost(self) -> Cost:
        """Have the work done once and return what it took there."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return Cost(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def medians_in_fresh_processes(module: str, ways: Sequence[str], runs: int, *more: str) -> dict[str, list[float]]:
    """Run each way in turn, each time in a process of its own, and return the medians of what it prints.

    Args:
        module: run as ``python -m module --way WAY``; prints a JSON list of figures.
        ways: what it can measure.
        runs: how often.
        more: arguments behind.
    """
    results: dict[str, list[list[float]]] = {way: [] for way in ways}
    for _ in range(runs):
        for way, measured in results.items():
            command = [sys.executable, "-m", module, "--way", way, *more]
            measured.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    return {way: [statistics.median(column) for column in zip(*rows, strict=True)] for way, rows in results.items()}


def serve(work: Callable[[], object]) -> None:
    """Do the work once for each line on standard input and print what it took; end with the input."""
    for _ in sys.stdin:
        print(json.dumps(asdict(cost_of(work))), flush=True)


def compare_served(title: str, ours: list[str], peer: list[str], *, pairs: int, pictures: int = 0) -> float:
    """Like :func:`compare`, each side in a process of its own."""
    mine, theirs = Served(ours), Served(peer)
    try:
        return _compare(title, mine.cost, theirs.cost, pairs=pairs, pictures=pictures)
    finally:
        mine.close()
        theirs.close()


def compare(
    title: str, ours: Callable[[], object], peer: Callable[[], object], *, pairs: int, pictures: int = 0
) -> float:
    """Run both in turn (A B, B A, …) after one warm-up each, print medians, and return the median ratio peer : ours.

    Args:
        title: what is measured.
        ours, peer: the two ways.
        pairs: how many pairs are counted.
        pictures: work of one run, to print pictures per second.
    """
    return _compare(title, lambda: cost_of(ours), lambda: cost_of(peer), pairs=pairs, pictures=pictures)


def _compare(title: str, ours: Callable[[], Cost], peer: Callable[[], Cost], *, pairs: int, pictures: int) -> float:
    ours()
    peer()
    mine: list[Cost] = []
    theirs: list[Cost] = []
    for number in range(pairs):
        first, second = ((ours, mine), (peer, theirs)) if number % 2 == 0 else ((peer, theirs), (ours, mine))
        for work, costs in (first, second):
            costs.append(work())
    ratios = [other.wall / own.wall for own, other in zip(mine, theirs, strict=True)]
    ratio = statistics.median(ratios)
    print(f"{title}: {ratio:.2f} × (pairs {min(ratios):.2f} … {max(ratios):.2f})", flush=True)
    for name, costs in (("toprung", mine), ("peer", theirs)):
        wall, cpu = (statistics.median(getattr(cost, kind) for cost in costs) for kind in ("wall", "cpu"))
        speed = f", {pictures / wall:.0f} pictures/s" if pictures else ""
        print(f"    {name:<8} {wall:8.3f} s wall, {cpu:8.3f} s CPU{speed}")
    return ratio


def print_machine() -> None:
    """Print what the figures were measured on, and when."""
    import timm
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(
        f"{datetime.date.today()}, {_processor()}, {cores} cores, Python {platform.python_version()}, "
        f"torch {torch.__version__}, timm {timm.__version__}"
    )


def anonymous_megabytes() -> float:
    """Return the memory of this process that is no file's: what a model really adds. Linux only."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def _cpu_seconds() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
