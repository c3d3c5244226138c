"""Saved models with random weights, as a run leaves them, without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from toprung.data.preprocessing import Preprocessing
from toprung.models.catalogue import build
from toprung.runs.folder import RunFolder
from toprung.runs.model import ModelCard, write_card
from toprung.runs.weights_file import write_weights

CLASSES = ("a", "b, c", "树")


def make_model(
    folder: Path, name: str = "test_resnet", *, side: int = 32, arguments: dict[str, Any] | None = None, **how: Any
) -> Path:
    """Write ``folder`` as a run that has a model and nothing else; return it."""
    torch.manual_seed(0)
    model = build(name, len(CLASSES), arguments or {}).eval().requires_grad_(False)
    for parameter in model.get_classifier().parameters():
        if parameter.is_floating_point():
            parameter.normal_()  # answers that differ visibly from picture to picture
        else:
            parameter.copy_(torch.arange(parameter.numel()) % len(CLASSES))
    RunFolder.create(folder, {"kind": "training"})
    card = ModelCard(name, arguments or {}, CLASSES, Preprocessing((side, side), **how), {}, "0123")
    (folder / "model").mkdir()
    write_card(folder / "model", card)
    write_weights(folder / "model" / "model.safetensors", model)
    return folder
