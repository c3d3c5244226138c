"""Alpha from two papers, with the plates and without."""

from __future__ import annotations

import time
from argparse import Namespace
from functools import partial
from typing import Any

import cv2
import numpy as np

from benchmarks.cutout_cases import Case
from benchmarks.cutout_metrics import mae, mse
from benchmarks.cutout_peers import TwoCase, peers, plate_case
from benchmarks.cutout_tables import ours
from benchmarks.cutout_tables.alpha import BEST_ALIGNER, show
from benchmarks.cutout_tables.printing import save, table
from benchmarks.cutout_tables.sources import cases


def run(options: Namespace) -> None:
    """Measure the closed form and toprung on cases whose both grounds are paper."""
    rows: list[dict[str, Any]] = []
    for case in cases(options.cases, options.count, options.size, options.only):
        if case.ground != "paper":
            continue
        given = _given(case)
        methods = {} if options.ours else {name: partial(method, given) for name, method in peers("two").items()}
        methods["toprung, plates"] = partial(ours.two, case, plates=True)
        methods["toprung, no plates"] = partial(ours.two, case, plates=False)
        for name, work in methods.items():
            if name in options.skip:
                continue
            start = time.process_time()
            alpha = work()
            seconds = (time.process_time() - start) / case.alpha.size * 1e6
            errors = {"MAE": mae(alpha, case.alpha), "MSE": mse(alpha, case.alpha), "seconds": seconds}
            rows.append({"case": case.name, "group": case.group, "method": name} | errors)
            if name.startswith("toprung"):
                print(f"  {case.name}, {name}: MAE × 1000 {errors['MAE'] * 1000:.2f}", flush=True)
            if options.pictures:
                show(options.pictures / f"two-{case.name}-{name.replace(' ', '_').replace(',', '')}.jpg", case, alpha)
    save(options.save, rows)
    figures = {}
    for name in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == name]
        means = [float(np.mean([row[key] for row in mine])) for key in ("MAE", "MSE", "seconds")]
        figures[name] = [means[0] * 1000, means[1] * 1000, means[2]]
    count = len({row["case"] for row in rows})
    table(f"alpha from two papers: {count} cases", ["MAE×1000", "MSE×1000", "CPU s/MP"], figures, [2, 3, 2])


def _given(case: Case) -> TwoCase:
    """Both plates laid over their photos by the best peer's alignment; the second photo over the first by its shift."""
    laid = []
    for photo, plate in ((case.photo, case.plate), (case.second, case.second_plate)):
        found = peers("align")[BEST_ALIGNER](plate, photo)
        laid.append(plate_case(photo, plate, np.eye(3) if found is None else found, case.alpha))
    first, second = (one.photo.astype(np.float32) / 255 for one in laid)
    return TwoCase(first, _shifted(second, case), laid[0].plate, _shifted(laid[1].plate, case))


def _shifted(picture: np.ndarray, case: Case) -> np.ndarray:
    size = picture.shape[1::-1]
    return cv2.warpPerspective(picture, case.shift, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
