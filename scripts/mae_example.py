"""Does pretraining on one's own pictures pay? Measured on scikit-learn's 1,797 handwritten digits.

Three starts: random values, a masked autoencoder trained on pictures of the same kind without their labels, and
public weights. Each is scored twice, with 20 labels per class: a probe (logistic regression on frozen features) and
fine-tuning. 500 pictures are for the test alone; no start has seen them.

    python -m scripts.mae_example --public weights.safetensors

About 25 minutes on two idle CPU cores. Prints the table of docs/pretraining.md.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from toprung import train
from toprung.data.eval_view import EvalView
from toprung.data.loaders import EvalLoader, normalise
from toprung.data.sources import read_source
from toprung.evaluation.intervals import wilson
from toprung.evaluation.predictions import Predictions
from toprung.evaluation.significance import mcnemar
from toprung.ladder.display import RichDisplay
from toprung.ladder.pretraining import pretrain
from toprung.training.presets import preset
from toprung.training.start import StartingModel, starting_model

SIDE = 32
TEST, VAL_PER_CLASS, LABELS_PER_CLASS = 500, 10, 20
TINY = {"model.name": "vit_tiny_patch16_224", "model.img_size": SIDE, "model.patch_size": 4}
PUBLIC = {"model.name": "vit_small_patch14_dinov2", "model.img_size": 70}
# Digits must not be mirrored, and hardly cropped.
VIEW = {"augment.scale_min": 0.6, "augment.flip": 0.0}
FINE_TUNING = VIEW | {
    "augment.mixup": 0.0,
    "augment.cutmix": 0.0,
    "augment.erasing": 0.0,
    "augment.auto_augment": "none",
    "averaging.ema_decay": 0.0,
    "schedule.warmup_epochs": 5.0,
    "optimisation.head_lr_scale": 1.0,
}


@dataclass(frozen=True)
class Start:
    """A way to begin: its name, its model and weights, and how that is fine-tuned.

    Layers near the input learn the more slowly the better they are from the start.
    """

    name: str
    settings: dict[str, Any]
    lr: float
    layer_decay: float
    epochs: int


@dataclass(frozen=True)
class Outcome:
    """How a start did on the test pictures: who was right, for each of the two ways to use it."""

    name: str
    probe: NDArray[np.bool_]
    tuned: Predictions
    seconds: float


def main() -> None:
    """Run all three starts and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--public", default="pretrained", help="DINOv2 ViT-S/14 weights; else timm downloads them")
    parser.add_argument("--folder", type=Path, default=Path("runs") / "mae-example", help="pictures and runs go there")
    parser.add_argument("--epochs", type=int, default=100, help="of pretraining")
    parser.add_argument("--tuning-epochs", type=int, default=60, help="of fine-tuning; a quarter for public weights")
    arguments = parser.parse_args()
    folder = arguments.folder
    write_pictures(folder / "pictures")
    began = time.monotonic()
    recipe = preset("mae-pretrain-small").with_settings(
        TINY
        | VIEW
        | {
            "schedule.epochs": arguments.epochs,
            "schedule.warmup_epochs": arguments.epochs / 20,
            "pretraining.decoder_width": 96,
            "pretraining.decoder_depth": 2,
            "pretraining.decoder_heads": 3,
        }
    )
    own = pretrain(
        folder / "pictures" / "unlabelled", recipe, out=folder / "own-mae", runs=folder, display=RichDisplay()
    )
    print(f"pretraining took {time.monotonic() - began:.0f} s", flush=True)
    long, short = arguments.tuning_epochs, max(arguments.tuning_epochs // 4, 1)
    starts = [
        Start("random values", TINY | {"model.weights": "none"}, 5e-4, 1.0, long),
        Start("own pictures (MAE)", TINY | {"model.weights": str(own.path)}, 5e-4, 0.75, long),
        Start("public weights (DINOv2 ViT-S/14)", PUBLIC | {"model.weights": arguments.public}, 1e-4, 0.75, short),
    ]
    report([measure(start, folder) for start in starts])


def write_pictures(folder: Path) -> None:
    """Write the digits as PNG: ``labelled/{train,val,test}/<digit>`` and, of all not in val or test, ``unlabelled``."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    taken = dict.fromkeys(range(10), 0)
    for place, index in enumerate(order):
        digit = int(digits.target[index])
        pixels = 255 - np.clip(digits.images[index] * 16, 0, 255).astype(np.uint8)
        picture = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        if place < TEST:
            _save(picture, folder / "labelled" / "test" / str(digit) / f"{index}.png")
            continue
        taken[digit] += 1
        if taken[digit] <= VAL_PER_CLASS:
            _save(picture, folder / "labelled" / "val" / str(digit) / f"{index}.png")
            continue
        if taken[digit] <= VAL_PER_CLASS + LABELS_PER_CLASS:
            _save(picture, folder / "labelled" / "train" / str(digit) / f"{index}.png")
        _save(picture, folder / "unlabelled" / f"{index}.png")


def _save(picture: Image.Image, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    picture.save(file)


def measure(start: Start, folder: Path) -> Outcome:
    """Probe and fine-tune one start."""
    began = time.monotonic()
    source = folder / "pictures" / "labelled"
    right = probe(start, source)
    settings = FINE_TUNING | start.settings
    settings |= {
        "optimisation.lr": start.lr,
        "optimisation.layer_decay": start.layer_decay,
        "schedule.epochs": start.epochs,
    }
    name = start.name.split(" (")[0].replace(" ", "-")
    run = train(source, preset="finetune", settings=settings, out=folder / f"tuned-{name}")
    return Outcome(start.name, right, run.predictions("test"), time.monotonic() - began)


def probe(start: Start, source: Path) -> NDArray[np.bool_]:
    """Return for each test picture whether logistic regression on frozen features is right.

    Features: the mean of the patches' last tokens, standardised; the regularisation by cross-validation on train.
    """
    table = read_source(source)
    begun = starting_model(
        preset("finetune").with_settings(start.settings).model, (), seed=0, background=(255, 255, 255)
    )
    train_rows, test_rows = table.split("train"), table.split("test")
    x, seen = (features(begun, [*rows.paths]) for rows in (train_rows, test_rows))
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    strengths = {"logisticregression__C": np.logspace(-4, 2, 7)}
    model = GridSearchCV(classifier, strengths, cv=5).fit(x, train_rows.labels)
    found: NDArray[np.bool_] = model.predict(seen) == test_rows.labels
    return found


def features(begun: StartingModel, paths: list[Path]) -> NDArray[np.float32]:
    """Return ``(N, D)`` features of pictures."""
    encoder: Any = begun.module.eval()
    parts = []
    for batch in EvalLoader(paths, None, EvalView(begun.preprocessing), batch_size=64):
        images = normalise(batch.images, begun.preprocessing.mean, begun.preprocessing.std)
        with torch.inference_mode():
            parts.append(encoder.forward_features(images)[:, encoder.num_prefix_tokens :].mean(dim=1).numpy())
    return np.concatenate(parts)


def report(outcomes: list[Outcome]) -> None:
    """Print the table, and how the own pretraining compares with the others, picture by picture."""
    print("\n| start | probe | fine-tuned | time |\n| --- | --- | --- | --- |")
    for one in outcomes:
        tuned = one.tuned.logits.argmax(axis=1) == one.tuned.labels
        cells = [_share(one.probe), _share(tuned), f"{one.seconds:.0f} s"]
        print(f"| {one.name} | {' | '.join(cells)} |")
    own = outcomes[1]
    for other in (outcomes[0], outcomes[2]):
        paired = mcnemar(own.tuned, other.tuned)
        print(
            f"\nfine-tuned, own pictures against {other.name}: right alone {paired.first_only} : "
            f"{paired.second_only}, p = {paired.p_value:.2g} (McNemar, exact)"
        )


def _share(right: NDArray[np.bool_]) -> str:
    low, high = wilson(int(right.sum()), len(right))
    return f"{100 * right.mean():.1f} % ({100 * low:.1f}–{100 * high:.1f})"


if __name__ == "__main__":
    main()
