"""From JPEG files to normalised 224 × 224 training tensors (random resized crop, flip): ours against timm's path."""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from benchmarks.jpegs import make_photos, small_jpegs, table_of
from benchmarks.measuring import compare, cost_of, print_machine
from benchmarks.timm_peer import SCALE, ListedFiles, train_loader, train_transform
from toprung.data.augment import TrainView
from toprung.data.cache import DiskStore, PixelCache, crop_side
from toprung.data.loaders import TrainLoader, normalise
from toprung.data.malloc import raise_malloc_thresholds

SIZE, BATCH = 224, 32
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=480, help="small JPEGs per run")
    parser.add_argument("--large", type=int, default=24, help="12-megapixel JPEGs per run")
    parser.add_argument("--pairs", type=int, default=7)
    arguments = parser.parse_args()
    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        sets = {
            "small JPEGs": small_jpegs(arguments.small),
            "12 MP JPEGs": make_photos(Path(folder), arguments.large),
        }
        for name, paths in sets.items():
            _fresh(name, paths[:16] if "12" in name else paths[:64])
        raise_malloc_thresholds()  # as `toprung train` does
        for name, paths in sets.items():
            _one_core(name, paths, Path(folder), arguments.pairs)
        for name, paths in sets.items():
            _two_cores(name, paths, arguments.pairs)


def _one_core(name: str, paths: list[Path], folder: Path, pairs: int) -> None:
    with _pinned_to_one_core():
        peer = _timm_pictures(paths)
        compare(f"{name}, one core", _ours(paths, 1), peer, pairs=pairs, pictures=len(paths))
        cached = _ours(paths, 1, PixelCache(DiskStore(folder), side=crop_side((SIZE, SIZE), SCALE[0])))
        compare(f"{name}, one core, memory-mapped cache", cached, peer, pairs=pairs, pictures=len(paths))


def _two_cores(name: str, paths: list[Path], pairs: int) -> None:
    loader = train_loader(paths, SIZE, min(BATCH, len(paths)), workers=2)

    def peer() -> None:
        for images, _ in loader:
            assert images.shape[1:] == (3, SIZE, SIZE)

    torch.set_num_threads(1)  # the two decoding threads have the two cores; timm's workers do the same in themselves
    compare(f"{name}, loader, 2 threads : 2 workers", _ours(paths, 2), peer, pairs=pairs, pictures=len(paths))


def _ours(paths: list[Path], threads: int, cache: PixelCache | None = None) -> Callable[[], None]:
    view = TrainView((SIZE, SIZE), scale=SCALE)
    batch = min(BATCH, len(paths))
    loader = TrainLoader(table_of(paths), view, batch_size=batch, seed=0, threads=threads, cache=cache)
    epochs = iter(range(10_000))

    def work() -> None:
        for made in loader.epoch(next(epochs)):
            normalise(made.images, MEAN, STD)

    return work


def _timm_pictures(paths: list[Path]) -> Callable[[], None]:
    files = ListedFiles(paths)
    files.transform = train_transform(SIZE)

    def work() -> None:
        for start in range(0, len(files) // BATCH * BATCH or len(files), BATCH):
            torch.stack([files[i][0] for i in range(start, min(start + BATCH, len(files)))])

    return work


def _fresh(name: str, paths: list[Path]) -> None:
    """Measure in processes that have just started: memory is still to be had from the system."""
    times: dict[str, list[float]] = {"ours": [], "peer": []}
    for _ in range(5):
        for who, seconds in times.items():
            command = [sys.executable, "-m", "benchmarks.input_fresh", who, *map(str, paths)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            seconds.append(float(done.stdout))
    ratio = statistics.median(b / a for a, b in zip(times["ours"], times["peer"], strict=True))
    mine, theirs = (1000 * statistics.median(seconds) / len(paths) for seconds in times.values())
    print(f"{name}, one core, fresh process: {ratio:.2f} × (toprung {mine:.1f} ms, peer {theirs:.1f} ms a picture)")


def run_fresh(who: str, paths: list[Path]) -> float:
    """Return the seconds of one pass in this process."""
    with _pinned_to_one_core():
        if who == "ours":
            raise_malloc_thresholds()
            work = _ours(paths, 1)
        else:
            work = _timm_pictures(paths)
        return cost_of(work).wall


@contextlib.contextmanager
def _pinned_to_one_core() -> Iterator[None]:
    threads = torch.get_num_threads()
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else set()
    torch.set_num_threads(1)
    if cores:
        os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        if cores:
            os.sched_setaffinity(0, cores)


if __name__ == "__main__":
    main()
