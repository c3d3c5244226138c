"""Relative position tables for another window or grid."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from toprung.checkpoints.adapting import Workpiece

_CLASS_ROWS = 3  # token to patch, patch to token, token to itself (BEiT)


def adapt_relative_tables(work: Workpiece) -> None:
    """Resize ``relative_position_bias_table`` and ``rel_pos_h``/``rel_pos_w`` to the shapes that the model has."""
    for name, table in list(work.state.items()):
        own = work.target.shapes.get(name)
        if own is None or table.ndim != 2 or table.shape == own or table.shape[1] != own[1]:
            continue
        if name.endswith("relative_position_bias_table"):
            _adapt_table(work, name, table, own[0])
        elif name.endswith(("rel_pos_h", "rel_pos_w")):
            resized = F.interpolate(table.float().T[None], size=own[0], mode="linear", align_corners=False)[0].T
            work.put(name, resized, "linear")


def _adapt_table(work: Workpiece, name: str, table: Tensor, rows: int) -> None:
    extra = 0 if _side(table.shape[0]) else _CLASS_ROWS
    before, after = _side(table.shape[0] - extra), _side(rows - extra)
    if before is None or after is None:
        return
    if extra:
        from timm.layers import resize_rel_pos_bias_table

        window = ((after + 1) // 2, (after + 1) // 2)
        resized = resize_rel_pos_bias_table(table.float(), window, (rows, table.shape[1]))
        method = "geometric spacing, as BEiT's own code"
    else:
        image = table.float().T.reshape(1, -1, before, before)
        resized = F.interpolate(image, size=(after, after), mode="bicubic", align_corners=False)[0].flatten(1).T
        method = "bicubic"
    work.put(name, resized.contiguous(), f"{method}, {before}×{before} -> {after}×{after} offsets")


def _side(count: int) -> int | None:
    side = math.isqrt(max(count, 0))
    return side if side * side == count and side % 2 else None
