"""Gradient checkpointing: keep few activations, compute the others anew for the backward pass."""

from __future__ import annotations

from torch import nn

from toprung.data.malloc import return_large_blocks
from toprung.errors import ModelError


def set_grad_checkpointing(model: nn.Module, *, on: bool) -> None:
    """Turn gradient checkpointing on or off; the gradients stay the same.

    Args:
        model: any timm model.
        on: as in ``hardware.grad_checkpointing``.

    Raises:
        ModelError: it is wanted, and timm has none for this architecture.

    Source:
        Chen et al. 2016, "Training deep nets with sublinear memory cost" (arXiv 1604.06174).
    """
    setter = getattr(model, "set_grad_checkpointing", None)
    try:
        if setter is not None:
            setter(on)
        elif on:
            raise AssertionError
    except (AssertionError, NotImplementedError) as error:
        if on:
            name = type(model).__name__
            raise ModelError(
                f"timm has no gradient checkpointing for {name}; set hardware.grad_checkpointing=false "
                "and lower optimisation.micro_batch instead."
            ) from error


def spare_activations(model: nn.Module, device: str) -> None:
    """Turn gradient checkpointing on for training, and on a CPU keep it from leaving holes in memory.

    Raises:
        ModelError: as :func:`set_grad_checkpointing`.
    """
    set_grad_checkpointing(model, on=True)
    if device == "cpu":
        return_large_blocks()


def has_grad_checkpointing(model: nn.Module) -> bool:
    """Say whether gradient checkpointing can be turned on; the model is left with it off."""
    try:
        set_grad_checkpointing(model, on=True)
    except ModelError:
        return False
    set_grad_checkpointing(model, on=False)
    return True
