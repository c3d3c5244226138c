"""Named starting points for a recipe. Adding one is adding a function here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Literal

from toprung.errors import RecipeError, nearest
from toprung.training.recipe import Recipe

_PRESETS: dict[str, Callable[[], Recipe]] = {}
_FOR_PRETRAINING: set[str] = set()


def register(build: Callable[[], Recipe]) -> Callable[[], Recipe]:
    """Add a preset under its function's name, underscores written as dashes."""
    _PRESETS[build.__name__.replace("_", "-")] = build
    return build


def register_pretraining(build: Callable[[], Recipe]) -> Callable[[], Recipe]:
    """Add a preset of ``toprung pretrain``."""
    _FOR_PRETRAINING.add(build.__name__.replace("_", "-"))
    return register(build)


def preset_names(kind: Literal["all", "training", "pretraining"] = "all") -> list[str]:
    """Return the names of all presets, or of those that one command is for."""
    wanted = {"all": {True, False}, "training": {False}, "pretraining": {True}}[kind]
    return [name for name in _PRESETS if (name in _FOR_PRETRAINING) in wanted]


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


@register_pretraining
def mae_pretrain() -> Recipe:
    """Pretrain a ViT-B as a masked autoencoder by the paper's recipe: 800 epochs of 4,096 pictures a step.

    He et al. 2022, arXiv 2111.06377, table 8, and section A.1. Made for a million pictures and many GPUs; with fewer
    pictures than a step takes, a step takes all of them, and 800 epochs are 800 steps. For a few thousand pictures
    take mae-pretrain-small.
    """
    return Recipe().with_settings(
        {
            "data.val_fraction": 0.05,
            "model.name": "vit_base_patch16_224",
            "model.weights": "none",
            "optimisation.base_lr": 1.5e-4,
            "optimisation.base_batch": 256,
            "optimisation.lr_rule": "linear",
            "optimisation.beta2": 0.95,
            "optimisation.weight_decay": 0.05,
            "optimisation.batch_size": 4096,
            "optimisation.clip_grad": 0.0,
            "schedule.kind": "mae",
            "schedule.epochs": 800,
            "schedule.warmup_epochs": 40.0,
            "schedule.min_lr": 0.0,
            "augment.scale_min": 0.2,
            "augment.flip": 0.5,
        }
    )


@register_pretraining
def mae_pretrain_small() -> Recipe:
    """Pretrain a small ViT as a masked autoencoder on a few thousand pictures: small steps, a small decoder.

    The paper's recipe (mae-pretrain) with 64 pictures a step, four times its rate per picture, and a decoder of a
    fifth of the work. Expect it to help where thousands of pictures have no label and few have one; where public
    weights of the same kind of pictures exist, those are nearly always better.
    """
    return mae_pretrain().with_settings(
        {
            "model.name": "vit_small_patch16_224",
            "optimisation.base_lr": 6e-4,
            "optimisation.batch_size": 64,
            "schedule.epochs": 300,
            "schedule.warmup_epochs": 15.0,
            "pretraining.decoder_width": 256,
            "pretraining.decoder_depth": 4,
            "pretraining.decoder_heads": 8,
        }
    )
