"""Leave a part of the network as it is: no gradient, no optimiser state, no statistics, no chance.

Zero gradients are not enough: AdamW's decay and its moments move a parameter without one. So frozen parameters are not
given to the optimiser, which is made anew at each change; and frozen layers compute as in evaluation, or BatchNorm
would go on adapting and dropout would make their features noisy.
"""

from __future__ import annotations

import re

from torch import nn

from toprung.checkpoints.load import head_names
from toprung.errors import RecipeError
from toprung.models.blocks.learnable_resizer import PREFIX as RESIZER
from toprung.training.layers import layer_numbers
from toprung.training.settings import parse_freeze

_BETWEEN = ("pos_drop", "patch_drop", "norm_pre")  # of timm's ViTs: after the embeddings, often without parameters


class Freezer:
    """Freezes and unfreezes parts of one model.

    Args:
        model: its parameters that need no gradient now (fixed position tables, say) never get one.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._trainable = {name for name, parameter in model.named_parameters() if parameter.requires_grad}

    def freeze(self, what: str) -> set[str]:
        """Freeze what ``optimisation.freeze`` says, and nothing else. Returns the names of what is frozen.

        Raises:
            RecipeError: nothing is left to train, a pattern that finds nothing, or more blocks than there are.
            ModelError: the model does not tell its blocks.
        """
        frozen = frozen_names(self._model, what)
        if self._trainable <= frozen:
            raise RecipeError(f"optimisation.freeze = {what!r} leaves nothing of the model to train.")
        for name, parameter in self._model.named_parameters():
            parameter.requires_grad_(name in self._trainable and name not in frozen)
            if name in frozen:
                parameter.grad = None
        return frozen


def frozen_names(model: nn.Module, what: str) -> set[str]:
    """Return the names of the parameters that a value of ``optimisation.freeze`` means.

    ``blocks:N`` means layers 0 … N of :func:`~toprung.training.layers.layer_numbers`: of a ViT the patch embedding,
    tokens and positions, which are parameters and no modules, and the first N blocks.

    Raises:
        RecipeError: a pattern that finds nothing, or more blocks than there are.
        ModelError: the model does not tell its blocks.
    """
    kind, argument = parse_freeze(what)
    names = {name for name, _ in model.named_parameters()}
    if kind == "none":
        return set()
    if kind == "backbone":
        return {name for name in names - head_names(model) if not name.startswith(RESIZER)}
    if kind == "names":
        found = {name for name in names if re.search(argument, name)}
        if not found:
            examples = ", ".join(sorted(names)[:3])
            raise RecipeError(f"optimisation.freeze = {what!r} finds no parameter; names look like {examples}.")
        return found
    layers = layer_numbers(model)
    blocks = max(layers.values()) - 1
    if int(argument) > blocks:
        raise RecipeError(f"optimisation.freeze = {what!r}, but the model has {blocks} blocks; use a smaller number.")
    return {name for name, layer in layers.items() if layer <= int(argument)}


def train_mode(model: nn.Module) -> None:
    """Put a model in train mode, but layers of which every parameter is frozen in eval mode."""
    model.train()
    if all(parameter.requires_grad for parameter in model.parameters()):
        return
    _hold(model)


def _hold(module: nn.Module) -> None:
    own = list(module.parameters(recurse=False))
    embeds_frozen = _is_frozen(getattr(module, "patch_embed", None))
    for name, child in module.named_children():
        if _is_frozen(child) or (name in _BETWEEN and embeds_frozen and not any(p.requires_grad for p in own)):
            child.eval()
        else:
            _hold(child)


def _is_frozen(module: object) -> bool:
    if not isinstance(module, nn.Module):
        return False
    parameters = list(module.parameters())
    return bool(parameters) and not any(parameter.requires_grad for parameter in parameters)
