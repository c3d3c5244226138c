"""The peer: timm's own transforms and loader on a list of files, as its training script uses them on a CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from PIL import Image
from timm.data import create_loader, create_transform

SCALE = (0.08, 1.0)  # timm's default; ours is set to the same


class ListedFiles(torch.utils.data.Dataset[Any]):
    """Pictures by path, opened as timm's ``ImageDataset`` does."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths
        self.transform: Any = None

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        with self.paths[index].open("rb") as file:
            image = Image.open(file).convert("RGB")
        return self.transform(image), index % 2


def train_transform(size: int) -> Any:
    """Return random resized crop, flip, tensor, normalise: the same distribution as ours."""
    return create_transform(
        size, is_training=True, scale=SCALE, auto_augment=None, color_jitter=None, interpolation="bicubic"
    )


def train_loader(paths: list[Path], size: int, batch_size: int, workers: int) -> Any:
    """Return timm's training loader without the CUDA prefetcher."""
    return create_loader(
        ListedFiles(paths),
        (3, size, size),
        batch_size,
        is_training=True,
        scale=SCALE,
        auto_augment=None,
        color_jitter=None,
        interpolation="bicubic",
        use_prefetcher=False,
        num_workers=workers,
        pin_memory=False,
    )


def eval_loader(paths: list[Path], size: int, batch_size: int, workers: int, crop_pct: float) -> Any:
    """Return timm's evaluation loader without the CUDA prefetcher."""
    return create_loader(
        ListedFiles(paths),
        (3, size, size),
        batch_size,
        is_training=False,
        interpolation="bicubic",
        crop_pct=crop_pct,
        use_prefetcher=False,
        num_workers=workers,
        pin_memory=False,
    )
