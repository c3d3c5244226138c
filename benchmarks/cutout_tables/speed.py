"""Seconds per megapixel of the plate pipeline on one core, alignment included on both sides."""

from __future__ import annotations

import statistics
import time
from argparse import Namespace
from collections.abc import Callable
from functools import partial

from benchmarks.cutout_cases import Case
from benchmarks.cutout_peers import PlateCase, peers
from benchmarks.cutout_tables import ours
from benchmarks.cutout_tables.alpha import aligned
from benchmarks.cutout_tables.printing import OURS, ratio, table
from benchmarks.cutout_tables.sources import cases

_SEES_TRUTH = "closed form, TRUE trimap"


def run(options: Namespace) -> None:
    """Time every method in turn on each case, once after a first case that warms up."""
    spent: dict[str, list[float]] = {}
    for number, case in enumerate(cases(options.cases, options.count, options.size, options.only)):
        works = {
            name: partial(_aligned_first, method, case)
            for name, method in peers("alpha").items()
            if name != _SEES_TRUTH and name not in options.skip
        } | {OURS: partial(ours.cutout, case)}
        for name, work in works.items():
            start = time.perf_counter()
            work()
            seconds = (time.perf_counter() - start) / case.alpha.size * 1e6
            if number:
                spent.setdefault(name, []).append(seconds)
    figures = {name: [statistics.median(values), min(values), max(values)] for name, values in spent.items()}
    table("plate pipeline, seconds per megapixel on one core", ["median", "min", "max"], figures, [2, 2, 2])
    ratio("s/MP", figures, 0)


def _aligned_first(method: Callable[[PlateCase], object], case: Case) -> None:
    method(aligned(case, "peer"))
