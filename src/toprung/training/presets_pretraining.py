"""Presets of ``toprung pretrain``."""

from __future__ import annotations

from toprung.training.presets import Settings, register_pretraining


@register_pretraining
def mae_pretrain(model: str | None) -> Settings:
    """Pretrain a ViT-B as a masked autoencoder by the paper's recipe: 800 epochs of 4,096 pictures a step.

    He et al. 2022, arXiv 2111.06377, table 8, and section A.1. Made for a million pictures and many GPUs; with fewer
    pictures than a step takes, a step takes all of them, and 800 epochs are 800 steps. For a few thousand pictures
    take mae-pretrain-small.
    """
    return {
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


@register_pretraining
def mae_pretrain_small(model: str | None) -> Settings:
    """Pretrain a small ViT as a masked autoencoder on a few thousand pictures: small steps, a small decoder.

    The paper's recipe (mae-pretrain) with 64 pictures a step, a rate of 5e-4 at that step (the paper's linear rule
    would give 4e-5, far too little here: docs/pretraining.md), gradients clipped, and a decoder of an eighth of the
    weights. Expect it to help where thousands of pictures have no label and few have one; where public weights of the
    same kind of pictures exist, those are nearly always better.
    """
    return mae_pretrain(model) | {
        "model.name": "vit_small_patch16_224",
        "optimisation.base_lr": 5e-4,
        "optimisation.base_batch": 64,
        "optimisation.lr_rule": "sqrt",
        "optimisation.batch_size": 64,
        "optimisation.clip_grad": 1.0,
        "schedule.epochs": 300,
        "schedule.warmup_epochs": 15.0,
        "pretraining.decoder_width": 256,
        "pretraining.decoder_depth": 4,
        "pretraining.decoder_heads": 8,
    }
