"""Presets of the shipped ladders: fine-tuning and averaging within minutes on a CPU."""

from __future__ import annotations

from toprung.training.presets import Settings, is_plain_vit_name, quick, register
from toprung.training.presets_swa import swa


@register
def short(model: str | None) -> Settings:
    """Fine-tune pretrained weights within minutes on a CPU: `quick`, with epochs by what one costs.

    A plain ViT learns for 5 epochs, any other network for 10.
    """
    return {**quick(model), "schedule.epochs": 5 if is_plain_vit_name(model) else 10}


@register
def swa_short(model: str | None) -> Settings:
    """Average the epoch ends of a few more epochs: 2 of a plain ViT, 4 of any other network; else as `swa`."""
    return {**swa(model), "schedule.epochs": 2 if is_plain_vit_name(model) else 4}
