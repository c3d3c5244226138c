"""The tables of the judge's benchmark."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from benchmarks.cutout_judge.ranking import HEADER, LineUp, ranking
from toprung.cutting.judge.fitted import Fitted
from toprung.cutting.judge.verdict import grade


def print_judge(test: list[LineUp], large: list[LineUp], fitted: Fitted) -> None:
    """Print ranking by kind and group, the interval's coverage, and how verdicts meet the truth."""
    print(f"\n{'held-out objects':28s} {HEADER}")
    for kind in dict.fromkeys(one.kind for one in test):
        print(f"{kind:28s} {ranking([one for one in test if one.kind == kind]).row()}")
    whole = [one for one in test if one.kind == "all methods"]
    for group in dict.fromkeys(one.group for one in whole):
        print(f"{'all methods, ' + group:28s} {ranking([one for one in whole if one.group == group]).row()}")
    for kind in dict.fromkeys(one.kind for one in large):
        print(f"{kind + ', 1 megapixel':28s} {ranking([one for one in large if one.kind == kind]).row()}")
    print(f"\n{'calibration':28s} coverage  low..high/expected   mean |log expected - log true|")
    for name, some in (
        ("all", test),
        *((kind, [o for o in test if o.kind == kind]) for kind in {o.kind for o in test}),
    ):
        print(f"{name:28s} {_coverage(some, fitted)}")
    if large:
        print(f"{'1 megapixel':28s} {_coverage(large, fitted)}")
    _print_grades([one for one in test if one.kind != "one alone"], fitted)


def print_named(title: str, found: list[tuple[str, LineUp]]) -> None:
    """Print one line for each name, best within-line-up correlation first."""
    by_name: dict[str, list[LineUp]] = defaultdict(list)
    for name, one in found:
        by_name[name].append(one)
    rows = sorted(((name, ranking(some)) for name, some in by_name.items()), key=lambda row: -row[1].within)
    print(f"\n{title}\n{'':28s} {HEADER}")
    for name, row in rows:
        print(f"{name:28s} {row.row()}")


def _coverage(line_ups: list[LineUp], fitted: Fitted) -> str:
    true = np.concatenate([one.true for one in line_ups])
    judged = [fitted.calibrated(float(raw)) for one in line_ups for raw in one.expected]
    expected = np.array([one for one, _ in judged])
    low, high = np.array([ends for _, ends in judged]).T
    inside = float(((true >= low) & (true <= high)).mean())
    off = float(np.abs(np.log(expected + 2e-4) - np.log(true + 2e-4)).mean())
    width = np.median((low + 2e-4) / (expected + 2e-4)), np.median((high + 2e-4) / (expected + 2e-4))
    return f"{100 * inside:6.1f} %   {width[0]:.2f} .. {width[1]:.2f} {off:24.3f}"


def _print_grades(line_ups: list[LineUp], fitted: Fitted) -> None:
    """True errors by expected error's class on the picture alone (the share of the object is not kept here)."""
    by_grade: dict[str, list[float]] = defaultdict(list)
    for one in line_ups:
        for raw, true in zip(one.expected, one.true, strict=True):
            by_grade[grade(fitted.calibrated(float(raw))[0], 0.3)].append(1000 * float(true))
    print("\nverdict (an object of 30 % of the picture)   count   true error of 1000: 10 %, median, 90 %")
    for name in ("good", "check", "failed"):
        some = np.array(by_grade[name] or [np.nan])
        ends = np.quantile(some, [0.1, 0.5, 0.9])
        print(f"{name:42s} {len(some):7d}   {ends[0]:8.1f} {ends[1]:8.1f} {ends[2]:8.1f}")
