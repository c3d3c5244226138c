"""Peak memory and time of one large photo with its plate, in a process of its own."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable

import cv2
import numpy as np

from benchmarks.cutout_cases import Case, make_case
from benchmarks.cutout_peers import peers
from benchmarks.cutout_tables import ours
from benchmarks.cutout_tables.alpha import aligned
from benchmarks.cutout_tables.printing import OURS, table


def run(options: Namespace) -> None:
    """Start a process for each method and print what it took at most."""
    names = [OURS, *(name for name in peers("alpha") if "TRUE" not in name and name not in options.skip)]
    figures: dict[str, list[float]] = {}
    for name in [OURS] if options.ours else names:
        command = [sys.executable, "-m", "benchmarks.cutout_tables.memory", name, str(options.megapixels)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ)
        if done.returncode:
            print(f"  {name}: {done.stderr.strip().splitlines()[-1] if done.stderr else done.returncode}")
            figures[name] = [float("nan")] * 3
        else:
            found = json.loads(done.stdout.splitlines()[-1])
            figures[name] = [found["peak"], found["peak"] - found["before"], found["seconds"]]
    columns = ["peak GiB", "of it work", "seconds"]
    table(f"one photo of {options.megapixels:g} megapixels with a plate", columns, figures, [2, 2, 1])


def one(name: str, megapixels: float) -> None:
    """Do one method's work on a large case and print the peak of the process as JSON."""
    cv2.setNumThreads(1)
    case = large(megapixels)
    before = _peak()
    start = time.perf_counter()
    work: Callable[[], object] = lambda: ours.cutout(case)  # noqa: E731
    if name != OURS:
        work = lambda: peers("alpha")[name](aligned(case, "peer"))  # noqa: E731
    work()
    print(json.dumps({"peak": _peak(), "before": before, "seconds": time.perf_counter() - start}))


def large(megapixels: float) -> Case:
    """A made case enlarged to so many megapixels, fresh noise on top so that it is not smooth."""
    small = make_case(900_000, "holes", "paper", "test", (600, 800))
    factor = float(np.sqrt(megapixels * 1e6 / small.alpha.size))
    size = (round(800 * factor), round(600 * factor))
    draw = np.random.default_rng(0)

    def grown(picture: np.ndarray) -> np.ndarray:
        return cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)

    def noisy(picture: np.ndarray) -> np.ndarray:
        big = grown(picture)
        for start in range(0, big.shape[0], 256):  # strips, so that making the case does not set the peak
            strip = big[start : start + 256]
            strip[:] = np.clip(strip + draw.normal(0, 2.5, strip.shape).astype(np.float32), 0, 255)
        return big

    up = np.diag([factor, factor, 1.0])
    up[:2, 2] = (factor - 1) / 2
    matrix = up @ small.matrix @ np.linalg.inv(up)
    return Case(
        name="large",
        group=small.group,
        ground=small.ground,
        photo=noisy(small.photo),
        plate=noisy(small.plate),
        second=small.second,
        second_plate=small.second_plate,
        alpha=grown(small.alpha),
        foreground=small.foreground,
        matrix=matrix,
        second_matrix=small.second_matrix,
        shift=small.shift,
        encoding=small.encoding,
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


if __name__ == "__main__":
    one(sys.argv[1], float(sys.argv[2]))
