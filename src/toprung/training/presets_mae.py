"""Fine-tuning of weights that were pretrained by masked autoencoding."""

from __future__ import annotations

from dataclasses import dataclass

from toprung.errors import RecipeError
from toprung.training.presets import Settings, register


@dataclass(frozen=True)
class Published:
    """What MAE's authors give for one size (arXiv 2111.06377, table 9, and the commands of their code).

    Attributes:
        model: timm's name of it.
        base_lr: per 256 pictures of the effective batch.
        layer_decay, drop_path, epochs: as in a recipe.
    """

    model: str
    base_lr: float
    layer_decay: float
    drop_path: float
    epochs: int


PUBLISHED = {
    "base": Published("vit_base_patch16_224.mae", 5e-4, 0.65, 0.1, 100),
    "large": Published("vit_large_patch16_224.mae", 1e-3, 0.75, 0.2, 50),
    "huge": Published("vit_huge_patch14_224.mae", 1e-3, 0.75, 0.3, 50),
}


@register
def mae_finetune(model: str | None) -> Settings:
    """Fine-tune MAE weights of ViT-B, L or H with the values their authors used on ImageNet.

    Effective batch 1,024, rate 5e-4 (B) or 1e-3 (L, H) per 256, layer decay 0.65 (B) or 0.75, drop path 0.1, 0.2,
    0.3, 100 epochs (B) or 50, 5 of them warm-up, mixup 0.8, CutMix 1, smoothing 0.1, random erasing 0.25, RandAugment
    9 ± 0.5, average pooling with a fresh norm, head started at 2e-5: He et al. 2021 (arXiv 2111.06377), table 9. These
    are for a million pictures; with a few thousand use `mae-finetune-10k`.
    """
    size = _size(model)
    return {
        "model.name": model or size.model,
        "model.drop_path": size.drop_path,
        "model.global_pool": "avg",
        "model.head": "fresh",
        "model.head_init_std": 2e-5,
        "optimisation.lr": None,
        "optimisation.base_lr": size.base_lr,
        "optimisation.base_batch": 256,
        "optimisation.lr_rule": "linear",
        "optimisation.batch_size": 1024,
        "optimisation.layer_decay": size.layer_decay,
        "optimisation.head_lr_scale": 1.0,
        "optimisation.weight_decay": 0.05,
        "optimisation.clip_grad": 0.0,
        "optimisation.label_smoothing": 0.1,
        "schedule.kind": "mae",
        "schedule.epochs": size.epochs,
        "schedule.warmup_epochs": 5.0,
        "schedule.min_lr": 1e-6,
        "augment.scale_min": 0.08,
        "augment.auto_augment": "randaugment",
        "augment.magnitude": 9.0,
        "augment.magnitude_std": 0.5,
        "augment.erasing": 0.25,
        "augment.mixup": 0.8,
        "augment.cutmix": 1.0,
        "augment.mix_probability": 1.0,
    }


@register
def mae_finetune_10k(model: str | None) -> Settings:
    """Fine-tune MAE weights on 1,000 to 10,000 pictures: the published recipe, scaled to such a number.

    What makes MAE weights work stays (layer decay 0.75, drop path, average pooling with a fresh norm, many epochs).
    The batch is 64, so that there are thousands of steps; the rate per picture is that of ViT-L; crops are larger and
    mixing takes half of the batches, as labels must still be learnt from few pictures; gradients are clipped, for small
    batches are noisy. These are choices of ours, not published values.
    """
    drop_path = next((size.drop_path for name, size in PUBLISHED.items() if model and name in model), 0.1)
    return {
        **mae_finetune("vit_base_patch16_224.mae"),
        "model.name": model or PUBLISHED["base"].model,
        "model.drop_path": drop_path,
        "optimisation.base_lr": 1e-3,
        "optimisation.batch_size": 64,
        "optimisation.layer_decay": 0.75,
        "optimisation.clip_grad": 1.0,
        "schedule.epochs": 100,
        "augment.scale_min": 0.25,
        "augment.mix_probability": 0.5,
    }


def _size(model: str | None) -> Published:
    if model is None:
        return PUBLISHED["base"]
    found = next((size for name, size in PUBLISHED.items() if name in model), None)
    if found is None:
        raise RecipeError(
            f"MAE's authors publish fine-tuning values for ViT-B, L and H, not for {model}; use --preset "
            "mae-finetune-10k, or a model such as " + ", ".join(size.model for size in PUBLISHED.values()) + "."
        )
    return found
