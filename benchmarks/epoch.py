"""A whole training epoch: toprung's loop against a minimal timm loop, the same model, batch, augmentation and steps.

Each side lives in a process of its own and both write a checkpoint at the end, as timm's training script does.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import timm
import torch
from timm.optim import param_groups_weight_decay
from torch import nn

from benchmarks.jpegs import make_photos, small_jpegs, table_of
from benchmarks.measuring import compare_served, print_machine, serve
from benchmarks.timm_peer import SCALE, train_loader
from toprung.data.augment import TrainView
from toprung.data.cache import PixelCache, RamStore, crop_side
from toprung.data.loaders import TrainLoader
from toprung.data.malloc import raise_malloc_thresholds
from toprung.data.preprocessing import Preprocessing
from toprung.models.catalogue import is_convolutional
from toprung.training.feeding import make_preparer
from toprung.training.hardware import HardwarePlan
from toprung.training.loop import Trainer
from toprung.training.losses import make_loss
from toprung.training.parameters import parameter_groups
from toprung.training.parts import Validation
from toprung.training.processes import make_accelerator
from toprung.training.recipe import Recipe

SIZE = 224
BATCH = 16
LR, DECAY = 1e-4, 0.05
PHOTOS = 16  # different ones; an epoch repeats them


@dataclass(frozen=True)
class Case:
    """What is trained on what."""

    model: str
    large: bool
    cached: bool = False


CASES = {
    "12 MP JPEGs, vit_tiny": Case("vit_tiny_patch16_224", large=True),
    "12 MP JPEGs, vit_tiny, cached": Case("vit_tiny_patch16_224", large=True, cached=True),
    "small JPEGs, vit_small": Case("vit_small_patch16_224", large=False),
    "small JPEGs, efficientnet_lite0": Case("tf_efficientnet_lite0", large=False),
}


class _Nobody:
    """Hears nothing."""

    def on_step(self, event: object) -> None:
        """Ignore a step."""

    def on_epoch(self, event: object) -> None:
        """Ignore an epoch."""

    def on_note(self, text: str) -> None:
        """Ignore a note."""


def main() -> None:
    """Print the ratios, or serve one side of a case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--large", type=int, default=64, help="12-megapixel JPEGs per epoch")
    parser.add_argument("--small", type=int, default=128, help="small JPEGs per epoch")
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--side", choices=("ours", "peer"))
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    if arguments.side:
        _serve(arguments.case, arguments.side, arguments.folder, arguments.large, arguments.small)
        return
    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        make_photos(Path(folder), PHOTOS)
        for name, case in CASES.items():
            command = [sys.executable, "-m", "benchmarks.epoch", "--case", name, "--folder", folder]
            command += ["--large", str(arguments.large), "--small", str(arguments.small), "--side"]
            count = arguments.large if case.large else arguments.small
            compare_served(name, [*command, "ours"], [*command, "peer"], pairs=arguments.pairs, pictures=count)


def _serve(name: str, side: str, folder: Path, large: int, small: int) -> None:
    case = CASES[name]
    photos = sorted(folder.glob("photo*.jpg"))
    paths = (photos * (large // len(photos) + 1))[:large] if case.large else small_jpegs(small)
    with tempfile.TemporaryDirectory() as place:
        if side == "ours":
            raise_malloc_thresholds()  # as `toprung train` does
            serve(_ours(case, paths, Path(place)))
        else:
            serve(_timm(case, paths, Path(place)))


def _ours(case: Case, paths: list[Path], folder: Path) -> Callable[[], None]:
    model = timm.create_model(case.model, num_classes=2)
    settings = {
        "optimisation.batch_size": BATCH,
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
    cache = PixelCache(RamStore(), side=crop_side((SIZE, SIZE), SCALE[0])) if case.cached else None
    view = TrainView((SIZE, SIZE), scale=SCALE)
    loader = TrainLoader(table_of(paths), view, batch_size=BATCH, seed=0, cache=cache)
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


def _timm(case: Case, paths: list[Path], folder: Path) -> Callable[[], None]:
    model = timm.create_model(case.model, num_classes=2)
    loader = train_loader(paths, SIZE, BATCH, workers=2)
    loss = nn.CrossEntropyLoss()

    def epoch() -> None:
        optimizer = torch.optim.AdamW(param_groups_weight_decay(model, DECAY), lr=LR)
        model.train()
        for images, labels in loader:
            optimizer.zero_grad()
            loss(model(images), labels).backward()
            optimizer.step()
        # timm's training script saves both at each epoch's end, and so does ours
        torch.save({"state_dict": model.state_dict(), "optimizer": optimizer.state_dict()}, folder / "last.pth")

    return epoch


if __name__ == "__main__":
    main()
