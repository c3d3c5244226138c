"""Presets in stages."""

from __future__ import annotations

from toprung.training.presets import Settings, finetune, register


@register
def freeze_then_train(model: str | None) -> Settings:
    """Train the classifier alone for 50 epochs, then the whole network for 50, at a smaller rate.

    The classic of many fine-tuning scripts: a fresh head sends no noise into the backbone. Other lengths:
    `--set 'stages=[{epochs=5, freeze="backbone", lr=1e-3}, {epochs=20, lr=1e-4}]'`.
    """
    return {
        **finetune(model),
        "optimisation.head_lr_scale": 1.0,
        "stages": [
            {"epochs": 50, "freeze": "backbone", "lr": 1e-3, "warmup_epochs": 0.0},
            {"epochs": 50, "freeze": "none", "lr": 1e-4, "warmup_epochs": 2.0},
        ],
    }
