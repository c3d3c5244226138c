"""The judge: does its expected error rank candidates as the true error does, and does it pick the best?"""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import numpy as np

from benchmarks.cutout_metrics import mae
from benchmarks.cutout_tables import ours
from benchmarks.cutout_tables.printing import save, table
from benchmarks.cutout_tables.sources import cases

_TIE = 0.02
"""A pick within 2 % of the least true error is as good as the best."""


def run(options: Namespace) -> None:
    """Cut every case out and compare what was expected with the truth."""
    from scipy.stats import spearmanr

    rows: list[dict[str, Any]] = []
    within, picks, regrets, held, statuses = [], [], [], [], {}
    for case in cases(options.cases, options.count, options.size, options.only):
        result = ours.all_candidates(case)
        told = [one for one in result.candidates if one.expected_error is not None]
        true = np.array([mae(one.alpha, case.alpha) for one in told])
        expected = np.array([one.expected_error for one in told])
        final = mae(result.alpha, case.alpha)
        low, high = result.verdict.interval
        held.append(low <= final <= high)
        statuses.setdefault(result.verdict.status, []).append(final * 1000)
        row = {"case": case.name, "group": case.group, "final": final, "said": result.verdict.expected_error}
        row |= {"interval": [low, high], "status": result.verdict.status, "reasons": list(result.verdict.reasons)}
        row["candidates"] = [
            {"name": one.name, "expected": float(said), "true": float(error)}
            for one, said, error in zip(told, expected, true, strict=True)
        ]
        rows.append(row)
        if len(told) > 1:
            if np.ptp(true) > 0 and np.ptp(expected) > 0:
                within.append(float(spearmanr(expected, true).statistic))
            pick = int(np.argmin(expected))
            picks.append(true[pick] <= true.min() * (1 + _TIE) + 1e-5)
            regrets.append(float((true[pick] - true.min()) / max(true.min(), 1e-3)))
        print(f"  {case.name}: {final * 1000:.1f}, said {row['said'] * 1000:.1f}, {row['status']}", flush=True)
    save(options.save, rows)
    said = [one["expected"] for row in rows for one in row["candidates"]]
    true_all = [one["true"] for row in rows for one in row["candidates"]]
    figures = {
        "all candidates of all cases": [float(spearmanr(said, true_all).statistic)],
        "candidates of one case, mean": [float(np.mean(within)) if within else float("nan")],
        "final cutouts over cases": [float(spearmanr([r["said"] for r in rows], [r["final"] for r in rows]).statistic)],
    }
    table(f"judge, {len(rows)} cases: Spearman of expected and true error", ["ρ"], figures, [3])
    if picks:
        print(
            f"picks the best candidate: {100 * float(np.mean(picks)):.0f} %, mean regret {100 * np.mean(regrets):.1f} %"
        )
    print(f"90 % intervals hold the true error of the final cutout: {100 * float(np.mean(held)):.0f} %")
    for status, errors in statuses.items():
        print(f"{status}: {len(errors)} cases, true MAE × 1000 median {np.median(errors):.1f}, worst {max(errors):.1f}")
