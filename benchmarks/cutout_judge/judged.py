"""Judge all line-ups of a trial and keep the numbers beside the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.cutout_judge.dropped import DROPPED
from benchmarks.cutout_judge.ranking import LineUp
from benchmarks.cutout_judge.trials import line_ups, load
from toprung.cutting.judge.evidence import Evidence, gather
from toprung.cutting.judge.network import Network
from toprung.cutting.judge.posterior import ask
from toprung.cutting.judge.registry import load_measures
from toprung.cutting.judge.view import View

Judged = list[tuple[str, LineUp]]


def expected_errors(path: Path, seed: int, judges: Mapping[str, Sequence[Network]], kinds: Sequence[str]) -> Judged:
    """Return the raw expected errors of the line-ups of these kinds by each judge, with the judge's name."""
    trial = load(path)
    found: Judged = []
    for kind, alphas in line_ups(trial, np.random.default_rng([seed, int(path.stem.split("-")[-1])])):
        if kind not in kinds:
            continue
        true = np.array([float(np.abs(alpha - trial.truth).mean()) for alpha in alphas.values()])
        evidence = gather(trial.scene, alphas)
        for name, rounds in judges.items():
            posterior = ask(evidence, rounds)
            raw = np.array([posterior.error(alpha) for alpha in evidence.alphas.values()])
            found.append((name, LineUp(kind, trial.scene.name.split("-")[0], tuple(alphas), true, raw)))
    return found


def single_measures(path: Path, seed: int) -> Judged:
    """Return each single measure's values of the line-up of all methods, as if it were the expected error."""
    trial = load(path)
    rng = np.random.default_rng([seed, int(path.stem.split("-")[-1])])
    alphas = dict(line_ups(trial, rng)).get("all methods")
    if alphas is None:
        return []
    evidence = gather(trial.scene, alphas)
    true = np.array([float(np.abs(alpha - trial.truth).mean()) for alpha in alphas.values()])
    group = trial.scene.name.split("-")[0]
    return [
        (measure, LineUp("all methods", group, tuple(alphas), true, values))
        for measure, values in _values(evidence).items()
    ]


def _values(evidence: Evidence) -> dict[str, np.ndarray]:
    measures = load_measures() | DROPPED
    views = [View(evidence, alpha) for alpha in evidence.alphas.values()]
    return {name: np.array([float(one(view).mean()) for view in views]) for name, one in measures.items()}
