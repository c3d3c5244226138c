"""The self-describing saved model: weights as safetensors, everything else in JSON beside them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import nn

from toprung.data.preprocessing import Preprocessing
from toprung.errors import RunError, WeightsMismatch
from toprung.models.catalogue import MODEL_ARGUMENTS, OUR_ARGUMENTS, build_empty
from toprung.models.hub import first_line
from toprung.runs.folder import CARD_FILE
from toprung.runs.weights_file import read_weights
from toprung.storage import explain, write_json
from toprung.version import __version__

FORMAT = 1
WEIGHTS_FILE = "model.safetensors"


@dataclass(frozen=True)
class ModelCard:
    """All that is needed to build the model again and to feed it.

    Attributes:
        architecture: a name of the catalogue.
        arguments: keywords it was built with.
        classes: class names, by output; none of an encoder without a classifier.
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
    write_json(folder / CARD_FILE, content)


def read_card(folder: Path) -> ModelCard:
    """Read the description of a saved model.

    Raises:
        RunError: missing, damaged, or written by a newer version.
        StorageError: no permission.
    """
    file = folder / CARD_FILE
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["format"] > FORMAT:
            raise RunError(
                f"{file} was written by a newer toprung (model format {content['format']}, "
                f"this one reads up to {FORMAT}); update toprung."
            )
        return _card(content)
    except FileNotFoundError:
        raise RunError(f"{folder} holds no model: {CARD_FILE} is missing.") from None
    except PermissionError as error:
        raise explain(error, file, "read") from error
    except (OSError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise RunError(f"{file} is damaged: {first_line(error)}.") from error


def _card(content: Mapping[str, Any]) -> ModelCard:
    """Return the card, or raise a ValueError, LookupError, TypeError or AttributeError for what is wrong with it."""
    arguments, classes = dict(content["arguments"]), content["classes"]
    # The catalogue passes arguments on to timm, which would open any file named among them.
    if unknown := set(arguments) - {*MODEL_ARGUMENTS.values(), *OUR_ARGUMENTS}:
        raise ValueError(f"unknown model arguments {', '.join(sorted(unknown))}")
    for name in OUR_ARGUMENTS:
        if not isinstance(arguments.get(name, {}), dict):
            raise ValueError(f"{name} is no table")
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise ValueError("classes is no list of names")
    if not isinstance(content["architecture"], str):
        raise ValueError("architecture is no name")
    return ModelCard(
        architecture=content["architecture"],
        arguments=arguments,
        classes=tuple(classes),
        preprocessing=_preprocessing(content["preprocessing"]),
        recipe=dict(content["recipe"]),
        data_hash=str(content["data_hash"]),
    )


def _preprocessing(values: Mapping[str, Any]) -> Preprocessing:
    found = Preprocessing.from_json(values)
    right = (
        _are_numbers(found.size, 2, least=1)
        and _are_numbers(found.mean, 3)
        and _are_numbers(found.std, 3, least=1e-9)
        and _are_numbers(found.background, 3, least=0)
        and _are_numbers((found.crop_pct,), 1, least=1e-9)
        and all(isinstance(side, int) for side in found.size)
        and isinstance(found.interpolation, str)
        and isinstance(found.crop_mode, str)
    )
    if not right:
        raise ValueError(f"preprocessing holds a value of a wrong kind: {values}")
    return found


def _are_numbers(values: object, count: int, *, least: float = -math.inf) -> bool:
    if not isinstance(values, tuple) or len(values) != count:
        return False
    return all(
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= least
        for value in values
    )


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
    """Return the model in eval mode with its card; nothing is executed or initialised, weights are memory-mapped.

    It computes the same bits as the model that was saved.

    Raises:
        RunError: missing or damaged files, or a newer version.
        WeightsMismatch: the weights are not those of the card's architecture.
        ModelError: this version of timm cannot build that architecture.
    """
    card = read_card(folder)
    file = folder / WEIGHTS_FILE
    model = build_empty(card.architecture, len(card.classes), card.arguments)
    try:
        state = read_weights(file)
    except FileNotFoundError:
        raise RunError(f"{file} is missing: no epoch of this run was finished yet.") from None
    except PermissionError as error:
        raise explain(error, file, "read") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise RunError(f"{file} is damaged: {first_line(error)}.") from error
    try:
        model.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as error:
        raise WeightsMismatch(f"{file} does not fit {card.architecture}: {first_line(error)}.") from error
    return model.eval().requires_grad_(False), card
