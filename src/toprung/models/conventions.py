"""What a network computes with and no tensor tells: activation, epsilons, number of heads.

Two projects can give the same names and shapes to networks that answer differently. A model takes the conventions of
its weights in place, so that it computes what its weights were trained with; the catalogue applies them again when a
saved model is built anew.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from timm.layers import RotaryEmbeddingDinoV3, StdConv2d, StdConv2dSame, activations
from torch import nn

from toprung.errors import ModelError

Activation = Literal["gelu", "gelu_tanh", "quick_gelu"]

_MAKERS: dict[str, type[nn.Module]] = {
    "gelu": nn.GELU,
    "gelu_tanh": activations.GELUTanh,
    "quick_gelu": activations.QuickGELU,
}
_STANDARDISED = (StdConv2d, StdConv2dSame)


@dataclass(frozen=True)
class Conventions:
    """``None`` where the weights do not say; the model then keeps its own.

    Attributes:
        activation: form of GELU in the MLPs: exact, its tanh approximation, or x·sigmoid(1.702 x).
        norm_eps: epsilon of every LayerNorm.
        batch_norm_eps: epsilon of every BatchNorm.
        num_heads: attention heads of every block of a plain ViT.
        std_conv_eps: epsilon of every convolution with standardised weights.
        rope_periods: periods of DINOv3's rotations, where the weights were trained with others than the model computes.
    """

    activation: Activation | None = None
    norm_eps: float | None = None
    batch_norm_eps: float | None = None
    num_heads: int | None = None
    std_conv_eps: float | None = None
    rope_periods: tuple[float, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what is set, as plain values."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Conventions:
        """Return conventions from :meth:`to_json`'s values.

        Raises:
            ModelError: an unknown name, or a value of a wrong kind or range.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := set(values) - known:
            raise ModelError(f"unknown conventions {', '.join(sorted(map(str, unknown)))}; known: {sorted(known)}.")
        activation = values.get("activation")
        if activation is not None and activation not in _MAKERS:
            raise ModelError(f"the activation {activation!r} is not known; known: {', '.join(_MAKERS)}.")
        periods = values.get("rope_periods")
        if periods is not None and not _are_positive(periods):
            raise ModelError("the convention rope_periods must be a list of positive numbers.")
        for name in known - {"activation", "rope_periods"}:
            value = values.get(name)
            kind = int if name == "num_heads" else (int, float)
            if value is not None and (not isinstance(value, kind) or isinstance(value, bool) or not value > 0):
                raise ModelError(f"the convention {name} = {value!r} is not allowed: it must be a positive number.")
        return cls(**{**values, "rope_periods": tuple(periods) if periods is not None else None})


def differing(model: nn.Module, wanted: Conventions) -> Conventions:
    """Return the part of ``wanted`` in which the model differs."""
    heads = {module.num_heads for module in _attentions(model)}
    found: dict[str, set[Any]] = {
        "activation": {activation_of(module) for module in model.modules() if activation_of(module)},
        "norm_eps": {module.eps for module in model.modules() if isinstance(module, nn.LayerNorm)},
        "batch_norm_eps": {module.eps for module in model.modules() if _is_batch_norm(module)},
        "num_heads": heads,
        "std_conv_eps": {module.eps for module in model.modules() if isinstance(module, _STANDARDISED)},
        "rope_periods": {tuple(module.periods.tolist()) for module in _rotations(model)},
    }
    values = dataclasses.asdict(wanted)
    return Conventions(**{name: value for name, value in values.items() if value is not None and found[name] - {value}})


def apply_conventions(model: nn.Module, wanted: Conventions) -> None:
    """Make ``model`` compute by ``wanted``, in place; what is ``None`` stays.

    Raises:
        ModelError: a number of heads that does not divide the model's width.
    """
    for attention in _attentions(model):
        if wanted.num_heads is not None and attention.qkv.in_features % wanted.num_heads:
            raise ModelError(f"{wanted.num_heads} heads do not divide the model's width {attention.qkv.in_features}.")
    if wanted.activation is not None:
        _replace_activations(model, wanted.activation)
    for module in model.modules():
        if wanted.norm_eps is not None and isinstance(module, nn.LayerNorm):
            module.eps = wanted.norm_eps
        if wanted.batch_norm_eps is not None and isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eps = wanted.batch_norm_eps
        if wanted.std_conv_eps is not None and isinstance(module, _STANDARDISED):
            module.eps = wanted.std_conv_eps
    if wanted.rope_periods is not None:
        _replace_periods(model, wanted.rope_periods)
    if wanted.num_heads is not None:
        for attention in _attentions(model):
            attention.num_heads = wanted.num_heads
            attention.head_dim = attention.qkv.in_features // wanted.num_heads
            attention.scale = attention.head_dim**-0.5


def activation_of(module: nn.Module) -> Activation | None:
    """Return the form of GELU that a module is, ``None`` for any other module."""
    if isinstance(module, nn.GELU):
        return "gelu_tanh" if module.approximate == "tanh" else "gelu"
    if isinstance(module, activations.GELU):
        return "gelu"
    if isinstance(module, activations.GELUTanh):
        return "gelu_tanh"
    return "quick_gelu" if isinstance(module, activations.QuickGELU) else None


def _replace_activations(model: nn.Module, wanted: Activation) -> None:
    for parent in model.modules():
        for name, child in parent.named_children():
            if activation_of(child) not in (None, wanted):
                setattr(parent, name, _MAKERS[wanted]())


def _attentions(model: nn.Module) -> Iterator[Any]:
    """Yield the attention of every block whose tensors do not tell its number of heads."""
    for name, module in model.named_modules():
        plain = (
            name.startswith("blocks.")
            and name.endswith(".attn")
            and isinstance(getattr(module, "qkv", None), nn.Linear)
        )
        if plain and isinstance(getattr(module, "num_heads", None), int) and hasattr(module, "scale"):
            yield module


def _rotations(model: nn.Module) -> Iterator[Any]:
    """Yield what computes DINOv3's rotations; its buffers are not part of the model's state."""
    for module in model.modules():
        if isinstance(module, RotaryEmbeddingDinoV3) and not module.periods.is_meta:
            yield module


def _replace_periods(model: nn.Module, periods: tuple[float, ...]) -> None:
    for module in _rotations(model):
        if len(module.periods) != len(periods):
            raise ModelError(f"{len(periods)} rotation periods are not the model's {len(module.periods)}.")
        module.periods.copy_(torch.tensor(periods))
        if module.pos_embed_cached is not None:  # made of the periods
            module.pos_embed_cached.copy_(module._create_embed(module.feat_shape, no_aug=True))


def _are_positive(values: Any) -> bool:
    return isinstance(values, list | tuple) and all(
        isinstance(value, int | float) and not isinstance(value, bool) and value > 0 for value in values
    )


def _is_batch_norm(module: nn.Module) -> bool:
    return isinstance(module, nn.modules.batchnorm._BatchNorm)
