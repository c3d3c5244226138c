"""Ten thousand tiny photos, killed again and again: is every one accounted for, and is none done twice?

    python -m benchmarks.cutout_resume --photos 10000 --kills 5

The photos are 24 x 16 pixels and the cutter is a threshold, so that what is measured is the job around it: listing,
processes, journal, CSV. Killed are the first process by SIGKILL and, at the last, by Ctrl-C.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
import signal
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from toprung.cutting.align.alignment import Alignment
from toprung.cutting.batch import Stopped, cut_photos, list_request
from toprung.cutting.jobs.request import Request
from toprung.cutting.photo import open_photo
from toprung.cutting.scene import RGB, Alpha, Candidate, Photo, Verdict


@dataclass(frozen=True)
class Cut:
    """What the job writes."""

    photo: Photo
    alpha: Alpha
    foreground: RGB
    verdict: Verdict
    candidates: tuple[Candidate, ...] = ()
    disagreement: Alpha | None = None
    chosen: str | None = None
    alignment: Alignment | None = None


def threshold(photo: Path, *others: Path | None, log: str, **settings: Any) -> Cut:
    """Take what is dark as the object, and note that this photo was cut out."""
    opened = open_photo(photo)
    with Path(log).open("a") as file:
        file.write(f"{photo.name}\n")
    alpha = (opened.rgb.mean(axis=2) < 0.5).astype(np.float32)
    return Cut(opened, alpha, opened.rgb, Verdict("good", 0.0, (0.0, 0.0)))


def work(folder: Path, out: Path, log: Path, jobs: int | None) -> None:
    """Run the job once."""
    request = Request((folder,), out, settings={"log": str(log)}, jobs=jobs)
    try:
        cut_photos(request, list_request(request), cutter=threshold)
    except Stopped as stopped:
        print(stopped)


def main() -> None:
    """Make the photos, kill the job, let it end, count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--jobs", type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, out, log = Path(name, "photos"), Path(name, "out"), Path(name, "log.txt")
        folder.mkdir()
        draw = np.random.default_rng(0)
        for number in range(options.photos):
            cv2.imwrite(str(folder / f"{number:05}.png"), draw.integers(0, 256, (16, 24, 3), dtype=np.uint8))
        (folder / "00007.png").write_bytes(b"no picture")
        context = multiprocessing.get_context("spawn")
        start = time.perf_counter()
        for kill in range(options.kills):
            process = context.Process(target=work, args=(folder, out, log, options.jobs))
            process.start()
            goal = options.photos * (kill + 1) // (options.kills + 1)
            while process.is_alive() and len(log.read_text().split() if log.exists() else ()) < goal:
                time.sleep(0.05)
            assert process.pid is not None
            os.kill(process.pid, signal.SIGINT if kill == options.kills - 1 else signal.SIGKILL)
            process.join()
            done = sum(b'"done"' in line for line in (out / "cutouts.jsonl").read_bytes().splitlines())
            print(f"killed with {done} done after {time.perf_counter() - start:.0f} s")
        work(folder, out, log, options.jobs)
        seconds = time.perf_counter() - start
        with (out / "cutouts.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        again = time.perf_counter()
        work(folder, out, log, options.jobs)
        again = time.perf_counter() - again
        calls = Counter(log.read_text().split())
        twice = sum(count > 1 for count in calls.values())
        print(f"{seconds:.0f} s for {options.photos} photos with {options.kills} kills")
        print(f"rows {len(rows)}, {dict(Counter(row['status'] for row in rows))}")
        print(f"cutouts {sum(1 for _ in out.glob('[0-9]*.png'))}, leftovers {sum(1 for _ in out.glob('.*.partial'))}")
        print(f"cut out twice: {twice} (at most the ones under way at a kill)")
        print(f"a call with nothing left to do: {again:.1f} s")
        assert len(rows) == options.photos


if __name__ == "__main__":
    main()
