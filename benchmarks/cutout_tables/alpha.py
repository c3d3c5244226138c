"""Alpha with a plate: every error by group, and seconds per megapixel."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.cutout_cases import GROUPS, Case
from benchmarks.cutout_metrics import METRICS
from benchmarks.cutout_peers import PlateCase, peers, plate_case
from benchmarks.cutout_tables import ours
from benchmarks.cutout_tables.printing import OURS, ratio, save, table
from benchmarks.cutout_tables.sources import cases

BEST_ALIGNER = "SIFT on CLAHE + MAGSAC"


def aligned(case: Case, how: str) -> PlateCase:
    """Lay the plate over the photo by the best peer's alignment ("peer") or the true one ("true")."""
    found = case.matrix if how == "true" else peers("align")[BEST_ALIGNER](case.plate, case.photo)
    return plate_case(case.photo, case.plate, np.eye(3) if found is None else found, case.alpha)


def run(options: Namespace) -> None:
    """Measure every peer and toprung on the same cases."""
    rows: list[dict[str, Any]] = []
    for case in cases(options.cases, options.count, options.size, options.only):
        given = aligned(case, options.alignment)
        methods: dict[str, Callable[[], Any]] = {}
        if not options.ours:
            methods = {name: partial(method, given) for name, method in peers("alpha").items()}
        methods[OURS] = partial(ours.cutout, case)
        status = ""
        for name, work in methods.items():
            if name in options.skip:
                continue
            start = time.process_time()
            answer = work()
            seconds = time.process_time() - start
            alpha = answer
            if name == OURS:
                alpha, status = answer.alpha, answer.verdict.status
            errors = {metric: measure(alpha, case.alpha) for metric, measure in METRICS.items()}
            pixels = case.alpha.size / 1e6
            rows.append(
                {"case": case.name, "group": case.group, "ground": case.ground, "method": name}
                | errors
                | {"seconds": seconds / pixels}
            )
            if name == OURS:
                print(f"  {case.name}: MAE × 1000 {errors['MAE'] * 1000:.1f}, {status}, {seconds:.1f} s", flush=True)
            if options.pictures:
                show(options.pictures / f"{case.name}-{name.replace(' ', '_').replace(',', '')}.jpg", case, alpha)
    save(options.save, rows)
    columns = ["MAE×1000", "SAD", "MSE×1000", "Grad", "Conn", "IoU", "CPU s/MP"]
    digits = [1, 2, 2, 2, 2, 3, 2]
    for group in (*GROUPS, "all groups"):
        some = [row for row in rows if group in (row["group"], "all groups")]
        if some:
            figures = _means(some)
            table(f"alpha with a plate, {group}: {len({row['case'] for row in some})} cases", columns, figures, digits)
            ratio("MAE × 1000", figures, 0)


def _means(rows: list[dict[str, Any]]) -> dict[str, list[float]]:
    figures = {}
    for name in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == name]
        mean = {key: float(np.mean([row[key] for row in mine])) for key in (*METRICS, "seconds")}
        mean["MAE"], mean["MSE"] = mean["MAE"] * 1000, mean["MSE"] * 1000
        figures[name] = [mean[key] for key in (*METRICS, "seconds")]
    return figures


def show(path: Path, case: Case, alpha: np.ndarray) -> None:
    """Save photo, true alpha, alpha and three times the error side by side."""
    path.parent.mkdir(parents=True, exist_ok=True)
    error = np.clip(np.abs(alpha - case.alpha) * 3, 0, 1)
    parts = [cv2.cvtColor((part * 255).astype(np.uint8), cv2.COLOR_GRAY2BGR) for part in (case.alpha, alpha, error)]
    strip = np.hstack([case.photo[..., ::-1], *parts])
    cv2.imwrite(str(path), cv2.resize(strip, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA))
