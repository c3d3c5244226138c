"""A model that toprung saved, whose conventions came from weights from elsewhere."""

from pathlib import Path

import timm
from torch import nn

from toprung.data.preprocessing import Preprocessing
from toprung.models.conventions import Conventions, apply_conventions
from toprung.runs.model import WEIGHTS_FILE, ModelCard, write_card
from toprung.runs.weights_file import write_weights

from . import Example, Made, randomise

CONVENTIONS = Conventions(activation="quick_gelu", norm_eps=1e-3)


def model() -> nn.Module:
    return timm.create_model("test_vit", num_classes=7)


def saved_with(folder: Path, classes: tuple[str, ...]) -> nn.Module:
    """Write a saved model into a folder and return it."""
    peer = randomise(timm.create_model("test_vit", num_classes=len(classes)))
    apply_conventions(peer, CONVENTIONS)
    size = (160, 160)
    preprocessing = Preprocessing(size, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic", 0.9, "center", (255, 255, 255))
    arguments = {"conventions": CONVENTIONS.to_json()}
    write_card(folder, ModelCard("test_vit", arguments, classes, preprocessing, {}, "0"))
    write_weights(folder / WEIGHTS_FILE, peer)
    return peer


def saved(folder: Path) -> Made:
    peer = saved_with(folder, ("a", "b", "c"))
    return Made(folder / WEIGHTS_FILE, peer.forward_features)  # type: ignore[arg-type]


EXAMPLES = [Example("a toprung run", "toprung run", saved, model, input_size=(3, 160, 160))]
