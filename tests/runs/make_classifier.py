"""A small classifier with random weights, and pictures for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from toprung.data.preprocessing import Preprocessing
from toprung.models.catalogue import build
from toprung.runs.classifier import Classifier
from toprung.runs.model import ModelCard

CLASSES = ("a", "b", "c")


def make_classifier(*, size: int = 32, crop_pct: float = 0.875, seed: int = 0) -> Classifier:
    """Return a ResNet whose answers differ visibly from picture to picture."""
    torch.manual_seed(seed)
    module = build("test_resnet", len(CLASSES), {}).eval().requires_grad_(False)
    module.get_classifier().weight.mul_(40)
    card = ModelCard("test_resnet", {}, CLASSES, Preprocessing((size, size), crop_pct=crop_pct), {}, "")
    return Classifier(module, card)


def make_files(folder: Path, count: int, *, height: int = 70, width: int = 90, kind: str = "png") -> list[Path]:
    """Write pictures of coloured blots."""
    draw = np.random.default_rng(count)
    files = []
    for number in range(count):
        blots = draw.integers(0, 256, (4, 5, 3), dtype=np.uint8)
        files.append(folder / f"{number}.{kind}")
        Image.fromarray(blots).resize((width + number, height), Image.Resampling.BICUBIC).save(files[-1])
    return files
