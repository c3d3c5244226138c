"""Presets of the shipped ladders: fine-tuning within minutes on a CPU."""

from __future__ import annotations

from toprung.training.presets import Settings, is_plain_vit_name, quick, register


@register
def short(model: str | None) -> Settings:
    """Fine-tune pretrained weights within minutes on a CPU, as the ladder `quick` does: few epochs for plain ViTs.

    The rates and crops are those of `quick`. A plain ViT learns for 5 epochs, any other network for 10: an epoch of a
    ViT-S/14 at 112 px takes a little over twice that of EfficientNet-Lite0.
    """
    return {**quick(model), "schedule.epochs": 5 if is_plain_vit_name(model) else 10}
