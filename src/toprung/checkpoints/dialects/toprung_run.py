"""Models that toprung saved: timm's names, and a card beside them that tells everything else.

Facts: ``model.json`` holds the architecture, the keywords it was built with, the class names by output, the
preprocessing, and the conventions that weights from elsewhere brought with them (activation, epsilon, heads). The
encoder of a pretraining has no classes; ``autoencoder.safetensors`` beside it holds MAE's decoder too, by MAE's names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toprung.checkpoints.dialects import Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.models.blocks.learnable_resizer import PREFIX
from toprung.models.conventions import Conventions

NAME = "toprung run"


def recognise(file: WeightsFile) -> bool:
    """Recognise a file with a card beside it."""
    return isinstance(file.config.get("toprung"), Mapping)


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Return the tensors as they are, with what the card says of them."""
    card: Mapping[str, Any] = file.config["toprung"]
    arguments = dict(card.get("arguments") or {})
    conventions = Conventions.from_json(arguments.pop("conventions", {}))
    preprocessing = card.get("preprocessing") or {}
    classes = tuple(card.get("classes") or ())
    spare = {name: reason for name in file.tensors if (reason := _why_spare(name, target))}
    return Translation(
        {name: tensor for name, tensor in file.tensors.items() if name not in spare},
        dropped=tuple(spare.items()),
        preprocessing={key: tuple(preprocessing[key]) for key in ("mean", "std") if key in preprocessing},
        conventions=conventions,
        trained_for=f"{len(classes)} classes of its own" if classes else "pretraining without labels; no classifier",
        arguments={key: value for key, value in arguments.items() if key in ("patch_size", "global_pool")},
        classes=classes,
        architecture=str(card.get("architecture") or ""),
    )


def _why_spare(name: str, target: Target | None) -> str:
    """Return why a tensor has no place in a model, "" for one that has."""
    if name == "mask_token" or name.startswith("decoder_"):
        return "decoder of a pretraining, which paints pictures and is not needed to classify"
    if name.startswith(PREFIX) and not (target and name in target.shapes):
        return "learnable resizer, which only model.resizer_size takes"
    return ""
