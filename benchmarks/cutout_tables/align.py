"""Alignment: mean error of the corners, and the shares under 1/3, 1 and 3 pixels."""

from __future__ import annotations

import time
from argparse import Namespace
from typing import Any

import cv2
import numpy as np

from benchmarks.cutout_peers import peers
from benchmarks.cutout_tables import ours
from benchmarks.cutout_tables.printing import OURS, save, table
from benchmarks.cutout_tables.sources import cases


def corner_error(found: np.ndarray | None, truth: np.ndarray, height: int, width: int) -> float:
    """Mean distance of the plate's four corners under both transforms, in pixels; infinite without a transform."""
    if found is None or not np.isfinite(found).all():
        return float("inf")
    corners = np.array([[[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]], np.float64)
    one, other = (cv2.perspectiveTransform(corners, np.asarray(matrix, np.float64)) for matrix in (found, truth))
    return float(np.linalg.norm(one - other, axis=2).mean())


def run(options: Namespace) -> None:
    """Measure every peer and toprung on the same cases."""
    rows: list[dict[str, Any]] = []
    for case in cases(options.cases, options.count, options.size, options.only):
        height, width = case.photo.shape[:2]
        pairs = [("first", case.plate, case.photo, case.matrix)]
        if options.seconds:
            pairs.append(("second", case.second_plate, case.second, case.second_matrix))
        for which, plate, photo, truth in pairs:
            ground = case.ground if which == "first" else "paper"
            fixed = {"case": case.name, "which": which, "group": case.group, "ground": ground}
            for name, method in {} if options.ours else peers("align").items():
                start = time.process_time()
                error = corner_error(method(plate, photo), truth, height, width)
                rows.append(fixed | {"method": name, "error": error, "seconds": time.process_time() - start})
            start = time.process_time()
            found = ours.align(plate, photo)
            seconds = time.process_time() - start
            error = corner_error(found.matrix, truth, height, width)
            own = {"method": OURS, "error": error, "seconds": seconds, "refused": found.refused}
            rows.append(fixed | own | {"expected": found.expected, "model": found.model})
            if error > 1 or found.refused:
                said = "refused" if found.refused else f"said {found.expected:.2f}"
                print(f"  {case.name} {which}: {error:.2f} px, {said}, {found.model}", flush=True)
    save(options.save, rows)
    for ground in ("paper", "photograph", ""):
        _print(ground or "all", [row for row in rows if not ground or row["ground"] == ground])


def _print(title: str, rows: list[dict[str, Any]]) -> None:
    figures = {}
    for name in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == name]
        error = np.array([row["error"] for row in mine])
        refused = np.array([row.get("refused", not np.isfinite(row["error"])) for row in mine])
        under = [float(((error < limit) & ~refused).mean()) * 100 for limit in (1 / 3, 1, 3)]
        kept = error[~refused]
        wrong = float((kept > 3).sum()) if len(kept) else 0.0
        middle = float(np.median(kept)) if len(kept) else float("nan")
        seconds = float(np.mean([row["seconds"] for row in mine]))
        figures[name] = [*under, middle, 100 * float(refused.mean()), wrong, seconds]
    columns = ["% < 1/3 px", "% < 1 px", "% < 3 px", "median px", "% refused", "wrong, kept", "CPU s"]
    count = len({(row["case"], row["which"]) for row in rows})
    if count:
        table(f"alignment, {title}: {count} pairs", columns, figures, [0, 0, 0, 2, 0, 0, 2])
