"""Presets of the shipped ladders: fine-tuning and averaging within minutes on a CPU.

Tried on small samples of emoji pictures, 9 groups as classes, 112 px: 900 pictures of two vendors to train, 400 of a
third for validation. `short-robust` was added after its effect on the line drawings of a fourth vendor had been seen,
so that its gain there is told better than it is. One seed each; the presets' own numbers of epochs were not tried.
"""

from __future__ import annotations

from toprung.training.presets import Settings, is_plain_vit_name, quick, register
from toprung.training.presets_swa import swa


@register
def short(model: str | None) -> Settings:
    """Fine-tune pretrained weights within minutes on a CPU: `quick`, with epochs by what one costs.

    A plain ViT learns for 5 epochs, any other network for 10: at 112 px a picture's step took 42 ms with ViT-S/14
    (bf16) and 19 ms with EfficientNet-Lite0. On 400 pictures of a vendor not trained on, 6 epochs of ViT-S/14 gave
    76.0 %, 3 gave 72.8 %; 12 epochs of EfficientNet-Lite0 gave 72.0 %, 6 gave 70.0 %.
    """
    return {**quick(model), "schedule.epochs": 5 if is_plain_vit_name(model) else 10}


@register
def short_robust(model: str | None) -> Settings:
    """`short` with RandAugment and changed colours, for pictures from a source that looks unlike the training's.

    EfficientNet-Lite0, 6 epochs, against `quick`: on 1,306 line drawings after glossy ones 53.8 % instead of 48.4 %
    (150 gained, 79 lost, p = 3e-6); on 600 glossy pictures of another vendor 76.0 % instead of 76.8 % (p = 0.67).
    ViT-S/14, 3 epochs, did not gain (53.7 against 54.2 %, p = 0.7) and lost on the glossy ones (72.0 against 75.5 %,
    p = 0.02); three epochs are too few to say more. The time is that of `short`.

    Source: Cubuk et al. 2020, "RandAugment" (arXiv 1909.13719), two operations of magnitude 9.
    """
    return {
        **short(model),
        "augment.scale_min": 0.35,
        "augment.auto_augment": "randaugment",
        "augment.operations": 2,
        "augment.magnitude": 9.0,
        "augment.color_jitter": 0.4,
    }


@register
def swa_short(model: str | None) -> Settings:
    """Average the epoch ends of a few more epochs: 2 of a plain ViT, 4 of any other network; else as `swa`.

    After 12 epochs of EfficientNet-Lite0 4 more and their mean gave 54.6 instead of 51.1 % on 1,906 line drawings
    (159 gained, 93 lost, p = 4e-5): the mean and the longer training together. After 6 epochs of ViT-S/14 2 more gave
    54.3 instead of 55.1 % (p = 0.26).
    """
    return {**swa(model), "schedule.epochs": 2 if is_plain_vit_name(model) else 4}
