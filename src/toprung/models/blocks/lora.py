"""Low-rank adapters: train a small addition to each matrix of a network, and save the sum.

The adapters are those of the package peft. What is saved is the plain model: each matrix with its addition in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from toprung.errors import ModelError, RecipeError

_BASE = ".base_layer."  # peft's name of the layer that an adapter stands beside
_ADAPTER = ".lora_"
_LISTED = 12  # names of layers in a message


def add_lora(
    model: nn.Module,
    *,
    rank: int,
    alpha: float,
    targets: Sequence[str],
    trained: Sequence[str],
    input_size: tuple[int, int],
) -> None:
    """Put adapters beside linear layers and freeze everything else, in place.

    A layer of weight ``W`` then computes with ``W + alpha/rank · B A``, where ``B`` starts at zero: at first the
    model answers as before.

    Args:
        model: of timm, on the CPU. It must be thrown away when it is refused.
        rank: rows of ``A`` and columns of ``B``, at least 1.
        alpha: numerator of the scale.
        targets: last parts of the names of the layers, such as ``qkv``.
        trained: beginnings of the names of further parameters that are trained: the head, and what starts fresh. No
            layer under them gets an adapter.
        input_size: height and width of the pictures that the model takes.

    Raises:
        RecipeError: peft is not installed.
        ModelError: no layer is called so, or the model computes with the layer's weight without calling the layer.

    Source:
        Hu et al. 2022, "LoRA: low-rank adaptation of large language models", section 4.1.
    """
    names = _layers(model, targets, tuple(trained))
    peft = _peft()
    config = peft.LoraConfig(r=rank, lora_alpha=alpha, target_modules=names)
    peft.inject_adapter_in_model(config, model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(_ADAPTER in name or name.startswith(tuple(trained)))
    _refuse_bypassed(model, names, input_size)


def merged_state(model: nn.Module) -> dict[str, Tensor]:
    """Return the state of the plain model that computes what this one does; it need not have adapters.

    The model is left as it is. Tensors that no adapter touches are the model's own.
    """
    state = model.state_dict()
    layers: dict[str, Any] = {
        name: module for name, module in model.named_modules() if hasattr(module, "get_delta_weight")
    }
    if not layers:
        return state
    merged = {}
    for name, tensor in state.items():
        owner, base, leaf = name.partition(_BASE)
        if base and owner in layers:
            merged[f"{owner}.{leaf}"] = tensor + _delta(layers[owner]) if leaf == "weight" else tensor
        elif _ADAPTER not in name:
            merged[name] = tensor
    return merged


def plain_parameter_count(model: nn.Module) -> int:
    """Return the number of parameters without those of adapters."""
    return sum(parameter.numel() for name, parameter in model.named_parameters() if _ADAPTER not in name)


@torch.no_grad()
def _delta(layer: Any) -> Tensor:
    (adapter,) = layer.active_adapters
    delta: Tensor = layer.get_delta_weight(adapter)
    return delta


def _peft() -> Any:
    try:
        import peft
    except ImportError as error:
        raise RecipeError(
            f"model.lora_rank needs the package peft ({error}); install it with: pip install 'toprung[lora]'"
        ) from error
    return peft


def _layers(model: nn.Module, targets: Sequence[str], trained: tuple[str, ...]) -> list[str]:
    """Return the whole names of the layers: peft would find a convolution of the same last name too."""
    linear = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and not f"{name}.".startswith(trained)
    ]
    found = [name for name in linear if name.rpartition(".")[2] in targets]
    if missing := [target for target in targets if all(name.rpartition(".")[2] != target for name in found)]:
        kinds = list(dict.fromkeys(name.rpartition(".")[2] for name in linear))
        have = ", ".join(kinds[:_LISTED]) or "none"
        raise ModelError(
            f"{type(model).__name__} has no linear layers called {', '.join(missing)} beside its head "
            f"(its linear layers are called: {have}); change model.lora_targets or leave model.lora_rank out."
        )
    return found


def _refuse_bypassed(model: nn.Module, names: Sequence[str], input_size: tuple[int, int]) -> None:
    """Run the model once: a layer whose forward is never called has an adapter without effect."""
    called: set[str] = set()
    hooks = [model.get_submodule(name).register_forward_hook(lambda *_, name=name: called.add(name)) for name in names]
    was_training = model.training
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(1, 3, *input_size))
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    if bypassed := [name for name in names if name not in called]:
        raise ModelError(
            f"{type(model).__name__} computes with the weight of {bypassed[0]} without calling the layer, so an "
            f"adapter would have no effect ({len(bypassed)} such layers); "
            f"take {bypassed[0].rpartition('.')[2]} out of model.lora_targets."
        )
