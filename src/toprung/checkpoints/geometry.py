"""The shape of a network, read off its tensors."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from toprung.checkpoints.dialects import Translation

_TOKENS = ("cls_token", "dist_token", "reg_token")
_BLOCK = re.compile(r"blocks\.(\d+)\.")


@dataclass(frozen=True)
class Geometry:
    """``None`` where the tensors do not tell.

    Attributes:
        patch: side of a patch in pixels.
        width: channels of a token.
        depth: number of blocks.
        heads: attention heads.
        image_size: side of the square picture that the positions were made for.
        tokens: number of tokens that are no patches.
        classes: outputs of the classifier.
        parameters: number of values in all tensors.
    """

    patch: int | None
    width: int | None
    depth: int | None
    heads: int | None
    image_size: int | None
    tokens: int | None
    classes: int | None
    parameters: int


def geometry_of(state: Mapping[str, Tensor], translation: Translation) -> Geometry:
    """Read the geometry of a translated state (timm's names)."""
    kernel = state.get("patch_embed.proj.weight")
    patch = kernel.shape[-1] if kernel is not None and kernel.ndim == 4 else None
    depth = len({found[1] for name in state if (found := _BLOCK.match(name))}) or None
    tokens = sum(state[name].shape[1] for name in _TOKENS if name in state and state[name].ndim == 3)
    return Geometry(
        patch=patch,
        width=kernel.shape[0] if kernel is not None else None,
        depth=depth if kernel is not None else None,
        heads=translation.conventions.num_heads,
        image_size=_image_size(state, translation, patch),
        tokens=tokens if kernel is not None else None,
        classes=_classes(state),
        parameters=sum(tensor.numel() for tensor in state.values()),
    )


def _image_size(state: Mapping[str, Tensor], translation: Translation, patch: int | None) -> int | None:
    if patch is None:
        return None
    if translation.grid is not None:
        return translation.grid[0] * patch
    table = state.get("pos_embed")
    if table is None:
        return None
    if table.ndim == 4:
        return table.shape[1] * patch
    for slots in (translation.position_slots, 0, 1, 2):
        rows = table.shape[1] - (slots or 0)
        if slots is not None and rows > 0 and math.isqrt(rows) ** 2 == rows:
            return math.isqrt(rows) * patch
    return None


def _classes(state: Mapping[str, Tensor]) -> int | None:
    for name in ("head.weight", "head.fc.weight", "fc.weight", "classifier.weight"):
        if name in state:
            return state[name].shape[0]
    return None
