"""The optimiser of a recipe."""

from __future__ import annotations

import torch

from toprung.errors import RecipeError, nearest
from toprung.training.settings import OptimisationSettings


def check_optimizer(name: str) -> None:
    """Refuse a name that stands for no optimiser.

    Raises:
        RecipeError: the nearest names are suggested.
    """
    if name in {"adamw", "sgd"}:
        return
    from timm.optim import list_optimizers

    known = sorted({"adamw", "sgd", *(str(known) for known in list_optimizers())})
    if name not in known:
        raise RecipeError(f"optimisation.optimizer = {name!r} is not known.{nearest(name, known)}")


def set_momentum(optimizer: torch.optim.Optimizer, momentum: float) -> None:
    """Set SGD's momentum, or Adam's beta1, of every group."""
    for group in optimizer.param_groups:
        if "betas" in group:
            group["betas"] = (momentum, *group["betas"][1:])
        elif "momentum" in group:
            group["momentum"] = momentum


def make_optimizer(settings: OptimisationSettings, groups: list[dict[str, object]]) -> torch.optim.Optimizer:
    """Return AdamW, SGD with Nesterov momentum, or one of timm's optimisers by name.

    Args:
        settings: of the recipe.
        groups: from :func:`toprung.training.parameters.parameter_groups`, with their own rates and decays.

    Raises:
        RecipeError: timm knows no such optimiser; the nearest names are suggested.
    """
    check_optimizer(settings.optimizer)
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=settings.peak_lr, betas=(settings.beta1, settings.beta2))
    if settings.optimizer == "sgd":
        nesterov = settings.momentum > 0
        return torch.optim.SGD(groups, lr=settings.peak_lr, momentum=settings.momentum, nesterov=nesterov)
    from timm.optim import create_optimizer_v2

    return create_optimizer_v2(groups, opt=settings.optimizer, lr=settings.peak_lr, momentum=settings.momentum)
