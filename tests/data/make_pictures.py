"""Small pictures on disk, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, width: int = 48, height: int = 36) -> Image.Image:
    """Return soft blots of colour, another picture for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def save(path: Path, seed: int = 0, **options: int) -> Path:
    """Write a picture; its format is that of the extension."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed).save(path, **options)
    return path


def make_classes(root: Path, counts: Mapping[str, int], *, seed: int = 0, extension: str = "png") -> Path:
    """Write class folders with so many different pictures each."""
    for place, (name, count) in enumerate(counts.items()):
        for i in range(count):
            save(root / name / f"{i:03}.{extension}", seed + 1000 * place + i)
    return root
