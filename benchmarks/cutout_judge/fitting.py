"""Fit the rounds of the judge: pixels of many trials, a small network by cross-entropy."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.cutout_judge.trials import line_ups, load, truth_at
from toprung.cutting.judge.evidence import gather
from toprung.cutting.judge.features import FEATURES, lasting_features, passing_features, stack
from toprung.cutting.judge.network import Network
from toprung.cutting.judge.posterior import CENTRES, ask, reconsider

Arrays = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
HIDDEN = (32, 16)
_PIXELS = 1500  # of each line-up


def pixels(path: Path, seed: int, rounds: Sequence[Network]) -> Arrays:
    """Return features ``(n, features)``, truths and weights of pixels drawn from one trial, as after ``rounds``.

    Pixels about which candidates or evidence disagree are drawn twenty times as often, and weighted back.
    """
    trial = load(path)
    rng = np.random.default_rng([seed, int(path.stem.split("-")[-1])])
    drawn = []
    for _, alphas in line_ups(trial, rng):
        evidence = gather(trial.scene, alphas)
        guess, weighted = evidence.consensus, evidence.spread[2]
        if rounds:
            guess, weighted = reconsider(evidence, ask(evidence, rounds))
        features = stack(lasting_features(evidence) + passing_features(evidence, guess, weighted))
        truth = truth_at(trial, evidence.rgb.shape[1::-1]).ravel()
        lowest, highest, _ = evidence.spread
        doubtful = (highest - lowest > 0.02) | (np.abs(evidence.consensus - evidence.is_object_or_lit) > 0.3)
        chance = np.where(doubtful, 1, 0.05).ravel()
        chance /= chance.sum()
        chosen = rng.choice(truth.size, min(_PIXELS, truth.size // 2), replace=False, p=chance)
        drawn.append((features[:, chosen].T, truth[chosen], (1 / chance[chosen] / truth.size).astype(np.float32)))
    features, truths, weights = (np.concatenate(part) for part in zip(*drawn, strict=True))
    return features, truths, weights


def fit_network(data: Arrays, seed: int, epochs: int = 12, without: str | None = None) -> Network:
    """Fit one network; ``without`` names a family of features to withhold.

    AdamW with a one-cycle rate; the truth is shared between the two nearest centres, so that the mean is kept.
    """
    features, truths, weights = data
    withheld = np.array([family == without for family in FEATURES.values()])
    features = np.where(withheld, 0, features).astype(np.float32)
    mean, deviation = features.mean(0), features.std(0) + 1e-3
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    inputs = torch.from_numpy((features - mean) / deviation)
    targets = torch.from_numpy(_shares(truths))
    scale = torch.from_numpy(weights / weights.mean())
    sizes = (features.shape[1], *HIDDEN, len(CENTRES))
    layers = [torch.nn.Linear(a, b) for a, b in itertools.pairwise(sizes)]
    parts = [part for layer in layers for part in (layer, torch.nn.ReLU())][:-1]
    network = torch.nn.Sequential(*parts)
    batch = 4096
    count = max(1, len(inputs) // batch)
    optimiser = torch.optim.AdamW(network.parameters(), 6e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-3, total_steps=epochs * count + 1)
    for _ in range(epochs):
        order = torch.randperm(len(inputs))
        for step in range(count):
            chosen = order[step * batch : (step + 1) * batch]
            log = torch.log_softmax(network(inputs[chosen]), 1)
            loss = -((log * targets[chosen]).sum(1) * scale[chosen]).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    found = [(layer.weight.detach().numpy().copy(), layer.bias.detach().numpy().copy()) for layer in layers]
    first, bias = found[0]
    bias = bias - first @ (mean / deviation)  # the scaling of the inputs goes into the first layer
    found[0] = (np.where(withheld, 0, first / deviation), bias)
    return Network(tuple((w.astype(np.float32), b.astype(np.float32)[:, None]) for w, b in found))


def _shares(truths: NDArray[np.float32]) -> NDArray[np.float32]:
    below = np.clip(np.searchsorted(CENTRES, truths, side="right") - 1, 0, len(CENTRES) - 2)
    share = (truths - CENTRES[below]) / (CENTRES[below + 1] - CENTRES[below])
    out = np.zeros((len(truths), len(CENTRES)), np.float32)
    rows = np.arange(len(truths))
    out[rows, below] = 1 - share
    out[rows, below + 1] = share
    return out
