"""The model a run starts from: architecture, weights, and the preprocessing that goes with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from toprung.checkpoints.files import locate_package_weights
from toprung.checkpoints.load import head_names
from toprung.checkpoints.plan import LoadOptions
from toprung.checkpoints.ready import model_from_weights
from toprung.checkpoints.report import LoadReport
from toprung.data.preprocessing import Preprocessing
from toprung.errors import ModelError
from toprung.models.blocks.learnable_resizer import ResizerShape, attach_resizer
from toprung.models.catalogue import (
    CONVENTIONS,
    MODEL_ARGUMENTS,
    RESIZER,
    build,
    check_name,
    check_runs,
    takes_img_size,
)
from toprung.runs.folder import CARD_FILE, RunFolder
from toprung.runs.model import WEIGHTS_FILE, ModelCard, read_card
from toprung.seeding import derive_seed, seed_global_generators
from toprung.training.additions import add_for_training
from toprung.training.settings import ModelSettings


@dataclass(frozen=True)
class StartingModel:
    """A model ready to train.

    Attributes:
        module: on the CPU, parameters real and writable, with what the recipe adds for training.
        arguments: keywords it was built with, to build it again without these additions.
        preprocessing: what its weights expect of the input.
        report: what was used of the weights; ``None`` for random ones.
    """

    module: nn.Module
    arguments: dict[str, Any]
    preprocessing: Preprocessing
    report: LoadReport | None


def build_arguments(settings: ModelSettings) -> dict[str, Any]:
    """Return keywords for the catalogue; the image size only where the architecture depends on it."""
    arguments: dict[str, Any] = {
        keyword: getattr(settings, name)
        for name, keyword in MODEL_ARGUMENTS.items()
        if getattr(settings, name) is not None
    }
    if "img_size" in arguments and not takes_img_size(settings.name):
        del arguments["img_size"]  # a convolutional network takes any size: only the preprocessing changes
    if settings.dropout_samples:
        arguments["drop_rate"] = 0.0  # the multi-sample head drops, and nothing before it
    if settings.resizer_size is not None:
        arguments[RESIZER] = ResizerShape(out=_own_size(settings)).to_json()
    return arguments


def starting_model(
    settings: ModelSettings, class_names: Sequence[str], *, seed: int, background: tuple[int, int, int]
) -> StartingModel:
    """Build the model, load its weights, and run one forward pass to see that it works.

    Args:
        settings: name, weights and arguments.
        class_names: of the outputs, in their order.
        seed: of the random initialisation.
        background: colour under transparent pixels, kept with the preprocessing.

    Raises:
        ModelError: unknown name, an argument the model does not take, or a model that does not run or is not made
            for what the recipe adds.
        WeightsError: weights that cannot be read or had.
        WeightsMismatch: weights that do not fit.
    """
    arguments, num_classes = build_arguments(settings), len(class_names)
    seed_global_generators(seed, "initialisation")
    report: LoadReport | None = None
    if settings.weights in ("pretrained", "none"):
        module = build(settings.name, num_classes, arguments, pretrained=settings.weights == "pretrained")
        if settings.weights == "pretrained":
            report = _timm_report(settings.name, module)
    else:
        module, report = _from_file(settings, class_names, arguments)
    if settings.head_init_std is not None:
        _start_head(module, settings.head_init_std, report, seed)
    preprocessing = _preprocessing(module, settings, report, background)
    check_runs(module, (3, *preprocessing.size))
    add_for_training(module, settings, preprocessing.size)
    return StartingModel(module, arguments, preprocessing, report)


def _start_head(module: nn.Module, std: float, report: LoadReport | None, seed: int) -> None:
    """Draw a fresh classifier's weights from a normal distribution cut at ±2, and set its biases to 0.

    As the published fine-tuning code of MAE does with ``std`` 2e-5. A classifier that the weights file gave stays.
    """
    fresh = head_names(module) if report is None else head_names(module) & set(report.missing)
    draws = torch.Generator().manual_seed(derive_seed(seed, "head"))
    for name, parameter in module.named_parameters():
        if name in fresh and name.endswith("weight") and parameter.ndim > 1:
            nn.init.trunc_normal_(parameter, std=std, a=-2.0, b=2.0, generator=draws)
        elif name in fresh and name.endswith("bias"):
            nn.init.zeros_(parameter)


def rebuilt_model(card: ModelCard, settings: ModelSettings) -> nn.Module:
    """Return a run's model with arbitrary values, to be filled from a checkpoint.

    Args:
        card: of the run's saved model.
        settings: of the run's recipe.

    Raises:
        ModelError: as :func:`starting_model`.
    """
    module = build(card.architecture, len(card.classes), card.arguments)
    add_for_training(module, settings, card.preprocessing.size)
    return module


def _from_file(
    settings: ModelSettings, class_names: Sequence[str], arguments: dict[str, Any]
) -> tuple[nn.Module, LoadReport]:
    file, card = locate_weights(settings.weights)
    resizer = arguments.get(RESIZER)
    is_fresh = resizer is not None and (card is None or not _are_alike(resizer, card.arguments.get(RESIZER)))
    module, report = model_from_weights(
        settings.name,
        file,
        len(class_names),
        {name: value for name, value in arguments.items() if not (is_fresh and name == RESIZER)},
        options=LoadOptions(settings.head, tuple(class_names), settings.patch_resize),
        strict=not settings.partial_weights,
        dialect=settings.dialect,
        accept_proposal=settings.accept_proposal,
    )
    if is_fresh:
        attach_resizer(module, ResizerShape.from_json(arguments[RESIZER]))
    # Mapped tensors start at any byte of the file, and matrix products round by alignment: a fresh copy makes
    # this run and one resumed from a checkpoint compute the same bits.
    for tensor in [*module.parameters(), *module.buffers()]:
        tensor.data = tensor.data.clone()
    if report.conventions:
        arguments[CONVENTIONS] = report.conventions
    own = {} if card is None else {"mean": card.preprocessing.mean, "std": card.preprocessing.std}
    return module, replace(report, source=settings.weights, preprocessing=report.preprocessing | own)


def _are_alike(resizer: dict[str, Any], other: dict[str, Any] | None) -> bool:
    """Say whether two resizers have the same tensors; they may resize to different sizes."""
    return other is not None and {**other, "out": resizer["out"]} == resizer


def locate_weights(weights: str) -> tuple[Path, ModelCard | None]:
    """Return the file that ``--weights`` means, and the card of a model that toprung saved.

    Raises:
        WeightsError: a package without one weights file.
        RunError: a run folder that is damaged or from a newer version.
    """
    if weights.startswith("package:"):
        return locate_package_weights(weights.removeprefix("package:")), None
    path = Path(weights)
    if (path / "run.json").is_file():
        path = RunFolder.open(path).model
    file = path / WEIGHTS_FILE if path.is_dir() else path
    if file.name == WEIGHTS_FILE and (file.parent / CARD_FILE).is_file():
        return file, read_card(file.parent)
    return file, None


def _own_size(settings: ModelSettings) -> tuple[int, int]:
    """Return height and width that the model itself takes, without a resizer before it."""
    from timm.models import get_pretrained_cfg

    check_name(settings.name)
    if settings.img_size:
        return settings.img_size, settings.img_size
    config = get_pretrained_cfg(settings.name, allow_unregistered=True)
    if config is None:
        raise ModelError(f"timm does not tell the input size of {settings.name}; set model.img_size.")
    return int(config.input_size[1]), int(config.input_size[2])


def _timm_report(name: str, module: nn.Module) -> LoadReport:
    head = head_names(module)
    names = tuple(module.state_dict())
    config = getattr(module, "pretrained_cfg", {})
    origin = config.get("hf_hub_id") or config.get("url") or "its own source"
    kept = config.get("num_classes") == getattr(module, "num_classes", None)
    return LoadReport(
        source=f"pretrained ({origin})",
        dialect="timm",
        loaded=names if kept else tuple(n for n in names if n not in head),
        dropped=(),
        missing=() if kept else tuple(n for n in names if n in head),
        matched=1.0,
        assumptions=("loaded by timm itself, which is strict about everything but the head",),
    )


def _preprocessing(
    module: nn.Module, settings: ModelSettings, report: LoadReport | None, background: tuple[int, int, int]
) -> Preprocessing:
    from timm.data import resolve_model_data_config

    config = resolve_model_data_config(module)
    side = settings.resizer_size or settings.img_size
    size = (side, side) if side else tuple(config["input_size"][1:])
    own = report.preprocessing if report else {}
    return Preprocessing(
        size=(int(size[0]), int(size[1])),
        mean=tuple(own.get("mean", config["mean"])),
        std=tuple(own.get("std", config["std"])),
        interpolation=config["interpolation"],
        crop_pct=config["crop_pct"],
        crop_mode=config["crop_mode"],
        background=background,
    )
