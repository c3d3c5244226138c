"""Features of a few classes, as a network might give them: overlapping clouds, far from 0 and of unequal scale."""

from __future__ import annotations

import numpy as np

from toprung.models.head_fitting import Features, HeadData


def make_clusters(*, classes: int = 3, train: int = 90, val: int = 60, width: int = 8, seed: int = 0) -> HeadData:
    draw = np.random.default_rng(seed)
    centres = draw.normal(0, 1.2, (classes, width))
    scale, shift = np.geomspace(0.1, 20, width), draw.normal(0, 5, width)

    def sample(count: int) -> Features:
        labels = np.arange(count) % classes
        values = (centres[labels] + draw.normal(size=(count, width))) * scale + shift
        return Features(values.astype(np.float32), labels.astype(np.int64))

    return HeadData(sample(train), sample(val), classes)
