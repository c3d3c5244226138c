"""Which parts of a picture spoke for an answer. A new way is a file here with a class under ``@register``.

Legend: B pictures, C channels, H, W pixels of the input; h, w places of a feature map or a grid of patches.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from toprung.errors import ModelError

Explain = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""Model in eval mode, inputs ``(B, 3, H, W)`` and classes ``(B,)`` -> maps ``(B, h, w)``, not negative."""

_ORDER = ("rollout", "gradcam")


class Explainer(Protocol):
    """A way to explain."""

    NAME: str

    def fits(self, module: nn.Module) -> bool:
        """Say whether it can explain such a network."""

    def __call__(self, module: nn.Module, inputs: Tensor, classes: Tensor) -> Tensor:
        """Return maps ``(B, h, w)``, not negative, for classes ``(B,)``."""


_EXPLAINERS: dict[str, Explainer] = {}


def register(explainer: type[Explainer]) -> type[Explainer]:
    """Add a way to explain under its ``NAME``."""
    _EXPLAINERS[explainer.NAME] = explainer()
    return explainer


def explain(module: nn.Module, inputs: Tensor, classes: Tensor) -> tuple[Tensor, str]:
    """Explain answers of a network by the way that suits it.

    Args:
        module: in eval mode; its weights and their gradients are left as they were.
        inputs: ``(B, 3, H, W)``, normalised.
        classes: ``(B,)`` int64, the answer to explain of each.

    Returns:
        Maps ``(B, H, W)`` float32 in [0, 1], each with highest value 1 unless it is 0 everywhere; and the way's name.

    Raises:
        ModelError: no way fits the network.
    """
    for name in _ORDER:
        importlib.import_module(f"{__name__}.{name}")
        explainer = _EXPLAINERS[name]
        if explainer.fits(module):
            maps = explainer(module, inputs, classes)
            sized = nn.functional.interpolate(maps[:, None], inputs.shape[2:], mode="bilinear", align_corners=False)[
                :, 0
            ]
            highest = sized.flatten(1).amax(dim=1).clamp_min(torch.finfo(sized.dtype).tiny)
            return (sized / highest[:, None, None]).clamp(0, 1).float(), name
    raise ModelError(f"no way of explaining fits {type(module).__name__}; there are {', '.join(_ORDER)}.")
