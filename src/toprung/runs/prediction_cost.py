"""What it costs to predict with a model: pictures per second, parameters, megabytes."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from toprung.runs.fusion_card import is_fused, member_place, read_fusion_card
from toprung.runs.model import WEIGHTS_FILE
from toprung.runs.opening import open_classifier

_BATCH = 16
_ROUNDS = 5
_SIDE = 256  # pixels of the made-up pictures


def measure_prediction_cost(folder: Path, device: str = "auto") -> dict[str, Any]:
    """Time a saved model on made-up pictures.

    A batch of sixteen 256-pixel pictures, already decoded, is resized and classified: once to warm up, then five times;
    the median counts. Reading files from disk is not in it.

    Args:
        folder: of the model, fused or not.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Returns:
        ``pictures_per_second``; ``parameters``; ``megabytes`` of weights on disk; ``device``.

    Raises:
        RunError: the model cannot be loaded.
    """
    classifier = open_classifier(folder, device)
    generator = np.random.default_rng(0)
    pictures = [generator.integers(0, 256, (_SIDE, _SIDE, 3), dtype=np.uint8) for _ in range(_BATCH)]
    classifier.logits(pictures, batch_size=_BATCH)
    seconds = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        classifier.logits(pictures, batch_size=_BATCH)
        seconds.append(time.perf_counter() - began)
    return {
        "pictures_per_second": round(_BATCH / statistics.median(seconds), 1),
        "megabytes": round(sum(file.stat().st_size for file in weights_files(folder)) / 1e6, 1),
        "device": _device(classifier, device),
    }


def weights_files(folder: Path) -> list[Path]:
    """Return the weights files of a model, those of all members of a fused one."""
    if not is_fused(folder):
        return [folder / WEIGHTS_FILE]
    card = read_fusion_card(folder)
    return [file for member in card.members for file in weights_files(member_place(folder, member))]


def _device(classifier: Any, asked: str) -> str:
    """Return the kind of device that was computed on."""
    module = getattr(classifier, "module", None)
    parameter = next(iter(module.parameters()), None) if module is not None else None
    if parameter is not None:
        return str(parameter.device.type)
    if asked != "auto":
        return asked
    import torch

    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
