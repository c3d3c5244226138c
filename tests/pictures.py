"""Small made-up pictures that a network can learn to tell apart within a few steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"blue": (40, 60, 200), "green": (30, 170, 60), "red": (210, 40, 40)}


def make_pictures(root: Path, per_class: int = 12, *, side: int = 40, seed: int = 0) -> Path:
    """Write ``root/<colour>/<n>.png``: noisy fields of a colour, all different."""
    draw = np.random.default_rng(seed)
    for name, colour in COLOURS.items():
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            noise = draw.normal(0, 40, (side + number % 5, side, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    return root
