"""The self-describing saved model: weights as safetensors, everything else in JSON beside them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from toprung.data.preprocessing import Preprocessing
from toprung.errors import RunError, WeightsMismatch
from toprung.models.catalogue import build_empty
from toprung.storage import write_text
from toprung.version import __version__

FORMAT = 1
WEIGHTS_FILE = "model.safetensors"
CARD_FILE = "model.json"


@dataclass(frozen=True)
class ModelCard:
    """All that is needed to build the model again and to feed it.

    Attributes:
        architecture: a name of the catalogue.
        arguments: keywords it was built with.
        classes: class names, by output.
        preprocessing: from a picture to an input.
        recipe: what it was trained by.
        data_hash: hash of the pictures, labels and splits it was trained on.
    """

    architecture: str
    arguments: dict[str, Any]
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    recipe: dict[str, Any]
    data_hash: str


def write_card(folder: Path, card: ModelCard) -> None:
    """Write the description of a model.

    Raises:
        StorageError: full disk, or no permission.
    """
    content = {"format": FORMAT, "toprung": __version__} | asdict(card)
    write_text(folder / CARD_FILE, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_card(folder: Path) -> ModelCard:
    """Read the description of a saved model.

    Raises:
        RunError: missing, damaged, or written by a newer version.
    """
    file = folder / CARD_FILE
    try:
        content: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if content["format"] > FORMAT:
            raise RunError(
                f"{file} was written by a newer toprung (model format {content['format']}, "
                f"this one reads up to {FORMAT}); update toprung."
            )
        return ModelCard(
            architecture=content["architecture"],
            arguments=dict(content["arguments"]),
            classes=tuple(content["classes"]),
            preprocessing=Preprocessing.from_json(content["preprocessing"]),
            recipe=dict(content["recipe"]),
            data_hash=content["data_hash"],
        )
    except FileNotFoundError:
        raise RunError(f"{folder} holds no model: {CARD_FILE} is missing.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{file} is damaged: {error}.") from error


def weights_fingerprint(folder: Path) -> str:
    """Return a hash of a saved model's files, to tell whether two calls used the same model.

    Raises:
        RunError: a file is missing.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name in (CARD_FILE, WEIGHTS_FILE):
        try:
            with (folder / name).open("rb") as file:
                while block := file.read(1 << 22):
                    digest.update(block)
        except OSError as error:
            raise RunError(f"{folder / name} cannot be read: {error.strerror}.") from error
    return digest.hexdigest()


def load_model(folder: Path) -> tuple[nn.Module, ModelCard]:
    """Return the model in eval mode with its card; weights are memory-mapped, nothing is executed or initialised.

    Raises:
        RunError: missing or damaged files, or a newer version.
        WeightsMismatch: the weights are not those of the card's architecture.
    """
    card = read_card(folder)
    file = folder / WEIGHTS_FILE
    model = build_empty(card.architecture, len(card.classes), card.arguments)
    try:
        state = load_file(file)
    except FileNotFoundError:
        raise RunError(f"{file} is missing: no epoch of this run was finished yet.") from None
    except (SafetensorError, OSError) as error:
        raise RunError(f"{file} is damaged: {error}.") from error
    try:
        model.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as error:
        raise WeightsMismatch(
            f"{file} does not fit {card.architecture}: {str(error).splitlines()[1].strip()}"
        ) from error
    return model.eval().requires_grad_(False), card
