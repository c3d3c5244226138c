"""The masks alone, before any matting: toprung's maskers on its own background, by group."""

from __future__ import annotations

import time
from argparse import Namespace
from typing import Any

import numpy as np

from benchmarks.cutout_cases import GROUPS
from benchmarks.cutout_metrics import iou, mae
from benchmarks.cutout_peers import peers
from benchmarks.cutout_tables.alpha import aligned, show
from benchmarks.cutout_tables.printing import save, table
from benchmarks.cutout_tables.sources import cases

_PEERS = ("soft difference", "GrabCut, seeded")


def run(options: Namespace) -> None:
    """Measure every masker that needs no network, and the two peers that stop at a mask."""
    from toprung.cutting.align.align import align
    from toprung.cutting.masks.registry import load_maskers
    from toprung.cutting.photo import open_photo
    from toprung.cutting.plate_background import plate_background
    from toprung.cutting.scene import Scene

    rows: list[dict[str, Any]] = []
    maskers = {name: work for name, work in load_maskers().items() if name not in options.skip}
    for case in cases(options.cases, options.count, options.size, options.only):
        rgb = open_photo(case.photo).rgb
        found = align(case.plate, case.photo)
        background = plate_background(rgb, found) if found.ok else None
        scene = Scene(rgb, background, case.name)
        answers: dict[str, tuple[np.ndarray, float]] = {}
        if not options.ours:
            given = aligned(case, options.alignment)
            answers = {name: _timed(peers("alpha")[name], given) for name in _PEERS}
        answers |= {f"toprung, {name}": _timed(masker, scene) for name, masker in maskers.items()}
        for name, (mask, seconds) in answers.items():
            errors = {"MAE": mae(mask, case.alpha), "IoU": iou(mask, case.alpha), "seconds": seconds}
            rows.append({"case": case.name, "group": case.group, "method": name, "aligned": found.ok} | errors)
            if name.startswith("toprung"):
                said = "" if found.ok else ", not aligned"
                print(f"  {case.name}, {name}: {errors['MAE'] * 1000:.1f}, IoU {errors['IoU']:.3f}{said}", flush=True)
            if options.pictures:
                show(options.pictures / f"mask-{case.name}-{name.replace(' ', '_').replace(',', '')}.jpg", case, mask)
    save(options.save, rows)
    for group in (*GROUPS, "all groups"):
        some = [row for row in rows if group in (row["group"], "all groups")]
        figures = {}
        for name in dict.fromkeys(row["method"] for row in some):
            mine = [row for row in some if row["method"] == name]
            means = [float(np.mean([row[key] for row in mine])) for key in ("MAE", "IoU", "seconds")]
            figures[name] = [means[0] * 1000, means[1], means[2]]
        if some:
            title = f"masks, {group}: {len({row['case'] for row in some})} cases"
            table(title, ["MAE×1000", "IoU", "CPU s/MP"], figures, [1, 3, 2])


def _timed(work: Any, given: Any) -> tuple[np.ndarray, float]:
    start = time.process_time()
    mask = work(given)
    return mask, (time.process_time() - start) / mask.size * 1e6
