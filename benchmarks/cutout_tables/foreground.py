"""Foreground colours where 0.1 < alpha < 0.9, given the true alpha, in 8-bit levels."""

from __future__ import annotations

import time
from argparse import Namespace
from typing import Any

import numpy as np

from benchmarks.cutout_peers import peers
from benchmarks.cutout_tables import ours
from benchmarks.cutout_tables.alpha import aligned
from benchmarks.cutout_tables.printing import OURS, ratio, save, table
from benchmarks.cutout_tables.sources import cases


def run(options: Namespace) -> None:
    """Measure every peer and toprung with the same plate and the true alpha."""
    rows: list[dict[str, Any]] = []
    for case in cases(options.cases, options.count, options.size, options.only):
        edge = (case.alpha > 0.1) & (case.alpha < 0.9)
        if not edge.any():
            continue
        photo, plate = case.photo.astype(np.float32) / 255, aligned(case, options.alignment).plate
        for name, method in (peers("foreground") | {OURS: ours.foreground}).items():
            if name in options.skip:
                continue
            start = time.process_time()
            found = method(photo, case.alpha, plate)
            seconds = (time.process_time() - start) / case.alpha.size * 1e6
            error = float(np.abs(found[edge] - case.foreground[edge]).mean()) * 255
            # weighted by alpha: what is seen once it is laid on something else
            seen = float((np.abs(found - case.foreground) * case.alpha[..., None])[edge].mean()) * 255
            rows.append({"case": case.name, "group": case.group, "encoding": case.encoding, "method": name})
            rows[-1] |= {"error": error, "seen": seen, "seconds": seconds}
        print(f"  {case.name}: {rows[-1]['error']:.1f} levels", flush=True)
    save(options.save, rows)
    for encoding in dict.fromkeys(row["encoding"] for row in rows):
        some = [row for row in rows if row["encoding"] == encoding]
        figures = {}
        for name in dict.fromkeys(row["method"] for row in some):
            mine = [row for row in some if row["method"] == name]
            figures[name] = [float(np.mean([row[key] for row in mine])) for key in ("error", "seen", "seconds")]
        title = f"foreground colours, mixed in {encoding}: {len({row['case'] for row in some})} cases"
        table(title, ["levels", "× alpha", "CPU s/MP"], figures, [2, 2, 2])
        ratio("levels", figures, 0)
