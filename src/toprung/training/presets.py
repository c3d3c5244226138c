"""Named starting points for a recipe. Adding one is adding a function here."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from toprung.errors import RecipeError, nearest
from toprung.training.recipe import Recipe

_PRESETS: dict[str, Callable[[], Recipe]] = {}


def register(build: Callable[[], Recipe]) -> Callable[[], Recipe]:
    """Add a preset under its function's name, underscores written as dashes."""
    _PRESETS[build.__name__.replace("_", "-")] = build
    return build


def preset_names() -> list[str]:
    """Return the names of all presets."""
    return list(_PRESETS)


def preset_description(name: str) -> str:
    """Return a preset's whole description: what it is for, and where its values come from."""
    return inspect.getdoc(_PRESETS[name]) or ""


def preset(name: str) -> Recipe:
    """Return a preset by name.

    Raises:
        RecipeError: there is no such preset; the nearest names are suggested.
    """
    if name not in _PRESETS:
        raise RecipeError(f"there is no preset {name!r}; there are {', '.join(_PRESETS)}.{nearest(name, _PRESETS)}")
    return _PRESETS[name]().with_settings({"preset": name})


@register
def quick() -> Recipe:
    """Fine-tune pretrained weights in a few epochs, to see within minutes what a data set gives.

    Cost and score on the demo pictures (`make demo`, EfficientNet-Lite0 at 160 px, two CPU cores): two and a
    half minutes, 63.9 % of 230 test drawings right (95 % interval 57.5 to 69.8 %).
    """
    return Recipe().with_settings(
        {
            "optimisation.base_lr": 5e-4,
            "optimisation.head_lr_scale": 5.0,
            "schedule.epochs": 6,
            "schedule.warmup_epochs": 0.5,
            "augment.scale_min": 0.5,
        }
    )


@register
def finetune() -> Recipe:
    """Fine-tune pretrained weights well: longer, RandAugment, mixup and CutMix half of the time, weight EMA.

    The augmentation is that of DeiT (Touvron et al. 2021, table 9), weakened for data sets of a few thousand
    pictures, where its full strength needs hundreds of epochs.
    """
    return Recipe().with_settings(
        {
            "optimisation.base_lr": 3e-4,
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
    )


@register
def scratch() -> Recipe:
    """Train from random weights: long, with strong augmentation. Expect far less than from pretrained weights.

    After the from-scratch recipes of timm (Wightman et al. 2021, "ResNet strikes back", procedure A3) with
    cross-entropy in place of BCE.
    """
    return Recipe().with_settings(
        {
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
    )
