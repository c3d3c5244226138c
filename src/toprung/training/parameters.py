"""Sort a model's parameters into groups for the optimiser."""

from __future__ import annotations

from typing import Any

from torch import nn

from toprung.checkpoints.load import head_names


def parameter_groups(
    model: nn.Module, *, lr: float, weight_decay: float, head_lr_scale: float = 1.0
) -> list[dict[str, Any]]:
    """Return optimiser groups: with and without weight decay, backbone and head.

    Norms and biases (everything of one dimension or none) and what the model itself lists in
    ``no_weight_decay()`` (tokens, position embeddings) get no decay.

    Args:
        model: any timm model.
        lr: rate of the backbone.
        weight_decay: of the decayed groups.
        head_lr_scale: the head's rate is this times ``lr``.

    Returns:
        Groups with ``params``, ``lr``, ``weight_decay`` and ``name``; empty ones are left out. Parameters that
        do not require a gradient are left out.
    """
    spared = set(getattr(model, "no_weight_decay", set)() or ())
    head = head_names(model)
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            decayed = parameter.ndim > 1 and name not in spared
            groups.setdefault((name in head, decayed), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": lr * (head_lr_scale if in_head else 1.0),
            "weight_decay": weight_decay if decayed else 0.0,
            "name": f"{'head' if in_head else 'backbone'}{'' if decayed else ', no decay'}",
        }
        for (in_head, decayed), parameters in sorted(groups.items())
    ]
