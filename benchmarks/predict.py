"""A folder to a CSV of the three most probable classes: ``toprung predict`` against a minimal timm inference loop."""

from __future__ import annotations

import argparse
import csv
import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path

import timm
import torch

from benchmarks.jpegs import make_photos, small_jpegs
from benchmarks.measuring import compare, print_machine
from benchmarks.timm_peer import eval_loader
from toprung.data.malloc import raise_malloc_thresholds
from toprung.data.preprocessing import Preprocessing
from toprung.ladder.predicting import predict_to_csv
from toprung.runs.classifier import Classifier
from toprung.runs.model import ModelCard

SIZE, BATCH, CLASSES, CROP = 224, 32, 10, 0.875


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--small", type=int, default=320, help="small JPEGs")
    parser.add_argument("--large", type=int, default=32, help="12-megapixel JPEGs")
    arguments = parser.parse_args()
    print_machine()
    raise_malloc_thresholds()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        sets = {"small JPEGs": small_jpegs(arguments.small), "12 MP JPEGs": make_photos(place, arguments.large)}
        for model in ("tf_efficientnet_lite0", "vit_tiny_patch16_224"):
            for name, paths in sets.items():
                ours, peer = _ours(model, paths, place), _timm(model, paths, place)
                compare(f"{name}, {model}", ours, peer, pairs=arguments.pairs, pictures=len(paths))


def _ours(name: str, paths: list[Path], folder: Path) -> Callable[[], None]:
    module = timm.create_model(name, num_classes=CLASSES).eval()
    classes = tuple(map(str, range(CLASSES)))
    card = ModelCard(name, {}, classes, Preprocessing((SIZE, SIZE), crop_pct=CROP), {}, "")
    classifier = Classifier(module, card)
    numbers = itertools.count()

    def work() -> None:
        out = folder / f"{name}-{len(paths)}-{next(numbers)}.csv"
        predict_to_csv(classifier, paths, out, top=3, batch_size=BATCH, settings={}, progress=lambda done, total: None)

    return work


def _timm(name: str, paths: list[Path], folder: Path) -> Callable[[], None]:
    model = timm.create_model(name, num_classes=CLASSES).eval()
    loader = eval_loader(paths, SIZE, BATCH, workers=2, crop_pct=CROP)

    def work() -> None:
        with (folder / "timm.csv").open("w", newline="") as file, torch.inference_mode():
            writer = csv.writer(file)
            done = 0
            for images, _ in loader:
                shares, classes = model(images).softmax(-1).topk(3)
                for row in range(len(images)):
                    cells = itertools.chain.from_iterable(zip(classes[row].tolist(), shares[row].tolist(), strict=True))
                    writer.writerow([paths[done + row], *cells])
                done += len(images)

    return work


if __name__ == "__main__":
    main()
