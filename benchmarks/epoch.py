"""A whole training epoch: toprung's loop against a minimal timm loop, the same model, batch, augmentation and steps."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import timm
import torch
from timm.optim import param_groups_weight_decay
from torch import nn

from benchmarks.jpegs import make_photos, small_jpegs, table_of
from benchmarks.measuring import compare, print_machine
from benchmarks.timm_peer import SCALE, train_loader
from toprung.data.augment import TrainView
from toprung.data.cache import PixelCache, RamStore, crop_side
from toprung.data.loaders import TrainLoader
from toprung.data.malloc import raise_malloc_thresholds
from toprung.data.preprocessing import Preprocessing
from toprung.models.catalogue import is_convolutional
from toprung.training.feeding import make_preparer
from toprung.training.hardware import HardwarePlan
from toprung.training.loop import Trainer, Validation
from toprung.training.losses import make_loss
from toprung.training.parameters import parameter_groups
from toprung.training.processes import make_accelerator
from toprung.training.recipe import Recipe

SIZE = 224
LR, DECAY = 1e-4, 0.05


class _Nobody:
    """Hears nothing."""

    def on_step(self, event: object) -> None:
        """Ignore a step."""

    def on_epoch(self, event: object) -> None:
        """Ignore an epoch."""

    def on_note(self, text: str) -> None:
        """Ignore a note."""


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--large", type=int, default=64, help="12-megapixel JPEGs per epoch")
    parser.add_argument("--small", type=int, default=128, help="small JPEGs per epoch")
    arguments = parser.parse_args()
    print_machine()
    raise_malloc_thresholds()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        photos, small = make_photos(place, min(arguments.large, 16)), small_jpegs(arguments.small)
        photos = photos * (arguments.large // len(photos))
        cases = (
            ("12 MP JPEGs, vit_tiny", "vit_tiny_patch16_224", photos, 16, False),
            ("12 MP JPEGs, vit_tiny, cached", "vit_tiny_patch16_224", photos, 16, True),
            ("small JPEGs, vit_small", "vit_small_patch16_224", small, 16, False),
            ("small JPEGs, efficientnet_lite0", "tf_efficientnet_lite0", small, 16, False),
        )
        for name, model, paths, batch, cached in cases:
            ours = _ours(model, paths, batch, place, cached=cached)
            compare(name, ours, _timm(model, paths, batch), pairs=arguments.pairs, pictures=len(paths))


def _ours(name: str, paths: list[Path], batch: int, folder: Path, *, cached: bool) -> Callable[[], None]:
    model = timm.create_model(name, num_classes=2)
    settings = {
        "optimisation.batch_size": batch,
        "optimisation.clip_grad": 0,
        "optimisation.label_smoothing": 0,
        "schedule.epochs": 1,
        "schedule.warmup_epochs": 0,
    }
    recipe = Recipe().with_settings(settings)
    last = is_convolutional(model)
    plan = HardwarePlan("cpu", "fp32", last, ())
    if last:
        model = model.to(memory_format=torch.channels_last)
    cache = PixelCache(RamStore(), side=crop_side((SIZE, SIZE), SCALE[0])) if cached else None
    view = TrainView((SIZE, SIZE), scale=SCALE)
    loader = TrainLoader(table_of(paths), view, batch_size=batch, seed=0, cache=cache)
    preprocessing = Preprocessing((SIZE, SIZE))

    def epoch() -> None:
        groups = parameter_groups(model, lr=LR, weight_decay=DECAY)
        accelerator = make_accelerator(plan, "", folder)
        trainer = Trainer(
            model,
            recipe=recipe,
            plan=plan,
            accelerator=accelerator,
            optimizer=torch.optim.AdamW(groups, lr=LR),
            loss=make_loss("cross_entropy", focal_gamma=0),
            prepare=make_preparer(recipe, preprocessing, 2, torch.device("cpu")),
            validate=lambda model: Validation(0.5, 1.0),
            last_file=folder / "last.pt",
            best_file=folder / "best.safetensors",
        )
        trainer.fit(loader, _Nobody())

    return epoch


def _timm(name: str, paths: list[Path], batch: int) -> Callable[[], None]:
    model = timm.create_model(name, num_classes=2)
    loader = train_loader(paths, SIZE, batch, workers=2)
    loss = nn.CrossEntropyLoss()

    def epoch() -> None:
        optimizer = torch.optim.AdamW(param_groups_weight_decay(model, DECAY), lr=LR)
        model.train()
        for images, labels in loader:
            optimizer.zero_grad()
            loss(model(images), labels).backward()
            optimizer.step()

    return epoch


if __name__ == "__main__":
    main()
