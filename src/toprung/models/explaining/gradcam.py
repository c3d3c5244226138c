"""Grad-CAM: which places of the last feature map raise the logit of a class.

Legend: B pictures, C channels, h, w places of the feature map.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from toprung.models.explaining import register


@register
class GradCam:
    """For convolutional networks of timm: with a feature map ``(B, C, h, w)`` before the head.

    Source: Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks via gradient-based localization",
        ICCV, eq. 1 and 2: ``ReLU(Σ_k α_k A^k)`` with ``α_k`` the mean over places of ``∂ logit / ∂ A^k``.
    """

    NAME = "gradcam"

    def fits(self, module: nn.Module) -> bool:
        """Say whether the network splits into features and head, with a feature map between."""
        if not (hasattr(module, "forward_features") and hasattr(module, "forward_head")):
            return False
        with torch.inference_mode():
            parameter = next(module.parameters())
            sides = getattr(module, "pretrained_cfg", {}).get("input_size", (3, 224, 224))[1:]
            features_of: Any = module.forward_features
            found: Any = features_of(torch.zeros(1, 3, *sides, device=parameter.device))
        channels = getattr(module, "num_features", 0)
        return isinstance(found, Tensor) and found.ndim == 4 and found.shape[1] in (channels, _head_width(module))

    def __call__(self, module: nn.Module, inputs: Tensor, classes: Tensor) -> Tensor:
        """Return the maps; nothing is added to the gradients of the weights."""
        features_of: Any = module.forward_features
        head_of: Any = module.forward_head
        with torch.no_grad():
            features = features_of(inputs)
        features = features.detach().requires_grad_(True)
        with torch.enable_grad():
            logits = head_of(features)
            chosen = logits.gather(1, classes[:, None]).sum()
            (slopes,) = torch.autograd.grad(chosen, features)
        weights = slopes.mean(dim=(2, 3), keepdim=True)
        return (weights * features).sum(dim=1).relu().detach()


def _head_width(module: nn.Module) -> int:
    return int(getattr(module, "head_hidden_size", 0) or 0)
