"""What a recipe adds to a model for the time of training only; the saved model is a plain one."""

from __future__ import annotations

from torch import nn

from toprung.checkpoints.adapting.heads import head_prefixes
from toprung.models.blocks.learnable_resizer import PREFIX
from toprung.models.blocks.lora import add_lora
from toprung.models.blocks.multi_sample_dropout import add_multi_sample_dropout
from toprung.training.settings import ModelSettings


def add_for_training(model: nn.Module, settings: ModelSettings, input_size: tuple[int, int]) -> None:
    """Give the model its multi-sample head and its adapters, in place, where the settings ask for them.

    Args:
        model: plain, on the CPU, with its starting weights.
        settings: of the recipe.
        input_size: height and width of the pictures that the model takes.

    Raises:
        ModelError: the model is not made for it.
        RecipeError: a package that it needs is not installed.
    """
    if settings.dropout_samples:
        assert settings.drop_rate is not None  # the settings see to it
        add_multi_sample_dropout(
            model, samples=settings.dropout_samples, rate=settings.drop_rate, input_size=input_size
        )
    if settings.lora_rank:
        add_lora(
            model,
            rank=settings.lora_rank,
            alpha=settings.lora_alpha,
            targets=settings.lora_layers,
            trained=(*head_prefixes(model), PREFIX),
            input_size=input_size,
        )
