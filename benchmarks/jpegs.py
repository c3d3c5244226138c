"""The pictures that benchmarks read."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from toprung.data.table import Table


def small_jpegs(count: int) -> list[Path]:
    """Return 250 × 250 JPEGs of the package ``conformal-clip-data``."""
    spec = importlib.util.find_spec("conformal_clip_data")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("install the small JPEGs first: pip install conformal-clip-data")
    return sorted(Path(next(iter(spec.submodule_search_locations))).rglob("*.jpg"))[:count]


def make_photos(folder: Path, count: int) -> list[Path]:
    """Write 4000 × 3000 JPEGs with structure at every scale and sensor noise, about 3 MB each, like a phone's."""
    draw = np.random.default_rng(0)
    paths = []
    for number in range(count):
        values = np.full((3000, 4000, 3), 128, np.float32)
        for level in range(2, 10):
            cells = (3000 // 2**level + 2, 4000 // 2**level + 2, 3)
            coarse = draw.normal(0, 6 * level**0.7, cells).astype(np.float32)
            values += cv2.resize(coarse, (4000, 3000), interpolation=cv2.INTER_CUBIC)
        values += draw.normal(0, 2.5, values.shape).astype(np.float32)
        path = folder / f"photo{number}.jpg"
        Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(path, quality=92)
        paths.append(path)
    return paths


def table_of(paths: list[Path]) -> Table:
    """Return a table in which the pictures have two classes in turn."""
    labels = np.arange(len(paths)) % 2
    return Table(tuple(paths), labels.astype(np.int64), ("even", "odd"), ("train",) * len(paths))
