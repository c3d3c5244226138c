"""Sort a model's parameters into groups for the optimiser."""

from __future__ import annotations

from typing import Any

from torch import nn

from toprung.checkpoints.load import head_names
from toprung.models.blocks.learnable_resizer import PREFIX as RESIZER
from toprung.training.layers import layer_numbers

Group = tuple[int, bool, bool]


def parameter_groups(
    model: nn.Module, *, lr: float, weight_decay: float, head_lr_scale: float = 1.0, layer_decay: float = 1.0
) -> list[dict[str, Any]]:
    """Return optimiser groups: with and without weight decay, by layer, backbone and head.

    Norms and biases (everything of one dimension or none) and what the model itself lists in
    ``no_weight_decay()`` (tokens, position embeddings) get no decay. With layers numbered 0 … L from input to head,
    layer l learns at ``lr · layer_decay^(L - l)``. A schedule multiplies these rates, floor included.

    Args:
        model: any timm model.
        lr: rate of the last layer.
        weight_decay: of the decayed groups.
        head_lr_scale: the rate of the head, and of a resizer in front, is this times ``lr``: both start fresh.
        layer_decay: in (0, 1]; 1 gives all layers the same rate.

    Returns:
        Groups with ``params``, ``lr``, ``weight_decay`` and ``name``; empty ones are left out. Parameters that
        do not require a gradient are left out.

    Raises:
        ModelError: layers are to decay and the model does not tell them.

    Source:
        Layer decay as :func:`~toprung.training.layers.layer_numbers`.
    """
    spared = set(getattr(model, "no_weight_decay", set)() or ())
    head = head_names(model) | {name for name, _ in model.named_parameters() if name.startswith(RESIZER)}
    layers = layer_numbers(model) if layer_decay < 1 else {}
    top = max(layers.values(), default=0)
    groups: dict[Group, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            decayed = parameter.ndim > 1 and name not in spared
            groups.setdefault((layers.get(name, 0), name in head, decayed), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": lr * layer_decay ** (top - layer) * (head_lr_scale if in_head else 1.0),
            "weight_decay": weight_decay if decayed else 0.0,
            "name": _name(layer, in_head, decayed, by_layer=bool(layers)),
        }
        for (layer, in_head, decayed), parameters in sorted(groups.items())
    ]


def _name(layer: int, in_head: bool, decayed: bool, *, by_layer: bool) -> str:
    part = "head" if in_head else f"layer {layer}" if by_layer else "backbone"
    return part if decayed else f"{part}, no decay"
