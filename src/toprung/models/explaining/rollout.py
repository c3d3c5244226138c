"""Attention rollout: how much each patch flows into the class token, through all blocks.

Legend: B pictures, N tokens (the prefix tokens first), P prefix tokens, h x w patches, K heads.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from toprung.models.explaining import register


@register
class Rollout:
    """For ViTs of timm with attention over all tokens. It does not depend on the class that is asked for.

    Source: Abnar & Zuidema 2020, "Quantifying attention flow in transformers", ACL, section 3: the product over blocks
        of ``0.5 A + 0.5 I``, A the mean over heads. Read off at the class token; at the mean of all patches where the
        network has none.
    """

    NAME = "rollout"

    def fits(self, module: nn.Module) -> bool:
        """Say whether every block tells its attention and the patches make a grid."""
        blocks: Any = getattr(module, "blocks", None)
        grid = getattr(getattr(module, "patch_embed", None), "grid_size", None)
        return bool(blocks) and grid is not None and all(_drops(block) is not None for block in blocks)

    def __call__(self, module: nn.Module, inputs: Tensor, classes: Tensor) -> Tensor:
        """Return the maps."""
        attentions: list[Tensor] = []
        blocks: Any = module.blocks
        layers = [block.attn for block in blocks]
        before = [layer.fused_attn for layer in layers]
        hooks = [
            layer.attn_drop.register_forward_pre_hook(lambda _, given: attentions.append(given[0].detach()))
            for layer in layers
        ]
        try:
            for layer in layers:
                layer.fused_attn = False  # the fused kernel never holds the attention
            with torch.inference_mode():
                module(inputs)
        finally:
            for hook in hooks:
                hook.remove()
            for layer, fused in zip(layers, before, strict=True):
                layer.fused_attn = fused
        flow = rolled_out([attention.mean(dim=1).float() for attention in attentions])
        prefix = int(getattr(module, "num_prefix_tokens", 1))
        rows = flow[:, 0] if prefix else flow.mean(dim=1)
        patches = rows[:, prefix:]
        height, width = _grid(module, inputs, patches.shape[1])
        return patches.reshape(-1, height, width).clone()


def rolled_out(attentions: list[Tensor]) -> Tensor:
    """Return ``(B, N, N)``, how much of each first token (columns) is in each last one (rows); rows sum to 1.

    Args:
        attentions: of each block in order, ``(B, N, N)``, rows sum to 1.
    """
    count = attentions[0].shape[-1]
    identity = torch.eye(count, dtype=attentions[0].dtype, device=attentions[0].device)
    flow = identity.expand_as(attentions[0])
    for attention in attentions:
        flow = (0.5 * attention + 0.5 * identity) @ flow
    return flow


def _drops(block: nn.Module) -> nn.Module | None:
    attention = getattr(block, "attn", None)
    if attention is None or not hasattr(attention, "fused_attn"):
        return None
    return getattr(attention, "attn_drop", None)


def _grid(module: nn.Module, inputs: Tensor, patches: int) -> tuple[int, int]:
    side: Any = getattr(module, "patch_embed").patch_size  # noqa: B009 - any timm ViT
    height = math.ceil(inputs.shape[2] / side[0])
    return height, patches // height
