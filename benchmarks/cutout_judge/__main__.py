"""Fit the judge on train objects and measure it on test objects.

python -m benchmarks.cutout_judge                 # fit, write fitted.json, print the tables
python -m benchmarks.cutout_judge --measure-only  # print the tables of the judge that is there
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np

from benchmarks.cutout_judge import fitting, judged, tables, trials
from benchmarks.cutout_judge.calibration import calibrate
from toprung.cutting.judge import fitted as stored
from toprung.cutting.judge.features import FEATURES
from toprung.cutting.judge.network import Network
from toprung.cutting.judge.posterior import CENTRES
from toprung.storage import write_text

T = TypeVar("T")
ROUNDS = (0, 1, 1)  # the second network asks twice
_KINDS = ("pipeline", "all methods", "some, with simple ones", "some, with corrupted ones", "one alone")
_TARGET = Path(stored.__file__).with_name("fitted.json")


def main() -> None:
    """Parse, make, fit, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=int, default=160, help="cases to fit on")
    parser.add_argument("--calibrate", type=int, default=50, help="further cases of train objects, for the interval")
    parser.add_argument("--test", type=int, default=60, help="cases of test objects")
    parser.add_argument("--large", type=int, default=6, help="cases of test objects of about a megapixel")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cases", type=Path, help="folder for the cases, reused if there; temporary by default")
    parser.add_argument("--measure-only", action="store_true", help="do not fit")
    parser.add_argument("--ablate", action="store_true", help="also fit without each family of features")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, ProcessPoolExecutor(chosen.workers, initializer=_alone) as pool:
        folder = chosen.cases or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        small, large = (300, 600), (900, 1150)
        train = _make(pool, folder, "train", range(chosen.train), small)
        held = _make(pool, folder, "train", range(chosen.train, chosen.train + chosen.calibrate), small)
        test = _make(pool, folder, "test", range(chosen.test), small)
        big = _make(pool, folder, "test", range(5000, 5000 + chosen.large), large)
        if not chosen.measure_only:
            _fit(pool, train, held)
        rounds = {"judge": stored.fitted().rounds}
        found = _all(pool, functools.partial(judged.expected_errors, seed=2, judges=rounds, kinds=_KINDS), test)
        at_scale = _all(pool, functools.partial(judged.expected_errors, seed=2, judges=rounds, kinds=_KINDS), big)
        tables.print_judge([one for _, one in found], [one for _, one in at_scale], stored.fitted())
        tables.print_named("single measures, line-ups of all methods", _all(pool, _single, test))
        if chosen.ablate:
            _ablate(pool, train, test)


def _fit(pool: ProcessPoolExecutor, train: list[Path], held: list[Path]) -> None:
    first = fitting.fit_network(_pixels(pool, train, 1, ()), 1)
    second = fitting.fit_network(_pixels(pool, train, 3, (first,)), 2)
    networks = (first, second)
    rounds = {"judge": tuple(networks[index] for index in ROUNDS)}
    seen = _all(pool, functools.partial(judged.expected_errors, seed=4, judges=rounds, kinds=_KINDS), held)
    raw = np.concatenate([one.expected for _, one in seen])
    true = np.concatenate([one.true for _, one in seen])
    groups = np.concatenate([[one.group] * len(one.true) for _, one in seen])
    line = calibrate(raw, true, groups)
    content = {
        "made by": "python -m benchmarks.cutout_judge",
        "trials": {"train": len(train), "calibration": len(held)},
        "features": list(FEATURES),
        "centres": [float(centre) for centre in CENTRES.round(6)],
        "rounds": list(ROUNDS),
        "networks": [_plain(network) for network in networks],
        **{name: [float(f"{value:.5g}") for value in values] for name, values in line.items()},
    }
    write_text(_TARGET, _dump(content))
    stored.fitted.cache_clear()


def _ablate(pool: ProcessPoolExecutor, train: list[Path], test: list[Path]) -> None:
    """One round each, without one family of features at a time."""
    data = _pixels(pool, train, 1, ())
    families = [None, *dict.fromkeys(FEATURES.values())]
    judges = {
        f"without {name}" if name else "one round": (fitting.fit_network(data, 1, without=name),) for name in families
    }
    found = _all(pool, functools.partial(judged.expected_errors, seed=2, judges=judges, kinds=_KINDS[1:2]), test)
    tables.print_named("one round, a family of features withheld, line-ups of all methods", found)


def _pixels(pool: ProcessPoolExecutor, paths: list[Path], seed: int, rounds: Sequence[Network]) -> fitting.Arrays:
    parts = list(pool.map(functools.partial(fitting.pixels, seed=seed, rounds=rounds), paths, chunksize=4))
    features, truths, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    return features, truths, weights


def _make(pool: ProcessPoolExecutor, folder: Path, objects: str, indices: range, side: tuple[int, int]) -> list[Path]:
    paths = [folder / f"{objects}-{index:05d}.npz" for index in indices]
    list(pool.map(functools.partial(_one, objects=objects, side=side), indices, paths, chunksize=2))
    return paths


def _one(index: int, path: Path, objects: str, side: tuple[int, int]) -> None:
    if not path.exists():
        trials.keep(trials.make_trial(index, objects, side), path)


def _all(pool: ProcessPoolExecutor, work: Callable[[Path], list[T]], paths: list[Path]) -> list[T]:
    return [one for part in pool.map(work, paths, chunksize=2) for one in part]


def _single(path: Path) -> judged.Judged:
    return judged.single_measures(path, 2)


def _alone() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    cv2.setNumThreads(1)


def _plain(network: Network) -> list[dict[str, Any]]:
    def short(values: np.ndarray) -> Any:
        return [float(f"{value:.5g}") for value in values]

    return [{"weights": [short(row) for row in weights], "bias": short(bias[:, 0])} for weights, bias in network.layers]


def _dump(content: dict[str, Any]) -> str:
    """JSON with one line a row of numbers."""
    text = json.dumps(content, indent=1)
    out: list[str] = []
    for line in text.splitlines():
        number = line.strip().rstrip(",").lstrip("-")[:1].isdigit()
        if out and (number or (line.strip()[:1] == "]" and out[-1].strip()[-1:].isdigit())):
            out[-1] += (" " if number and out[-1][-1] == "," else "") + line.strip()
        else:
            out.append(line)
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    main()
