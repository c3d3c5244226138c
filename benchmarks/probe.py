"""What computing features once spares: a head step on cached features against the frozen forward in every epoch.

Two questions. A step: AdamW on a linear head with a batch of cached features, against the same step behind the frozen
network's forward pass, as training with ``optimisation.freeze=backbone`` does it. The whole: every head fitted and
chosen on made-up features of 2,000 pictures, which is all that is left of a probe after the one pass.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.measuring import compare, print_machine
from toprung.models.head_fitting import Features, HeadData, HeadOptions
from toprung.models.heads import head_kinds
from toprung.training.probe.choosing import fit_heads

_CLASSES = 10
_STEPS = 200  # of the cheap side at once: one alone is too short for the clock


def main() -> None:
    """Print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="vit_base_patch16_224")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=2000)
    arguments = parser.parse_args()
    print_machine()
    width = _compare_steps(arguments.model, arguments.batch, arguments.pairs)
    _time_heads(arguments.pictures, width, arguments.pairs)


def _compare_steps(name: str, batch: int, pairs: int) -> int:
    import timm

    trunk = timm.create_model(name, num_classes=0).eval().requires_grad_(False)
    size = trunk.pretrained_cfg["input_size"]
    pictures, labels = torch.randn(batch, *size), torch.arange(batch) % _CLASSES
    with torch.inference_mode():
        width = trunk(pictures).shape[1]
    features = torch.randn(batch, width)
    head = nn.Linear(width, _CLASSES)
    optimizer = torch.optim.AdamW(head.parameters())

    def step(inputs: Callable[[], torch.Tensor]) -> None:
        optimizer.zero_grad()
        F.cross_entropy(head(inputs()), labels).backward()
        optimizer.step()

    def cached() -> None:
        for _ in range(_STEPS):
            step(lambda: features)

    def frozen() -> None:
        with torch.no_grad():
            seen = trunk(pictures)
        step(lambda: seen)

    ratio = compare(
        f"{name}, batch {batch}: {_STEPS} steps on features, 1 behind the trunk", cached, frozen, pairs=pairs
    )
    print(f"    a step on cached features is {ratio * _STEPS:,.0f} × as fast as one behind the frozen network")
    return int(width)


def _time_heads(pictures: int, width: int, runs: int) -> None:
    draw = np.random.default_rng(0)
    centres = draw.normal(0, 0.15, (_CLASSES, width))

    def sample(count: int) -> Features:
        labels = draw.integers(_CLASSES, size=count)
        return Features((centres[labels] + draw.normal(size=(count, width))).astype(np.float32), labels)

    data = HeadData(sample(pictures * 4 // 5), sample(pictures // 5), _CLASSES)
    seconds: dict[str, list[float]] = {}
    for _ in range(runs):
        start = time.perf_counter()
        found = fit_heads(head_kinds(), data, HeadOptions(), lambda score: None)
        seconds.setdefault("all heads", []).append(time.perf_counter() - start)
        for one in found:
            seconds.setdefault(f"{one.score.head} ({one.score.chosen})", []).append(one.score.seconds)
    print(f"{pictures} pictures of {width} features, {_CLASSES} classes, after the pass:")
    for name, values in seconds.items():
        print(f"    {name:<32} {statistics.median(values):6.2f} s")


if __name__ == "__main__":
    main()
