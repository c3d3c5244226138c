"""Absolute position embeddings: slots of the tokens, and the grid of the patches.

A ViT adds one row of ``pos_embed`` to every token. Projects differ in whether the class token (and others) have a row
of their own. Adding a row to a token that never changes equals adding it to the token once, so a slot can be folded
into its token, and a missing slot is a row of zeros; both leave every answer as it was.

Legend: N rows, S slots, H × W grid of patches, D width.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from toprung.checkpoints.adapting import Workpiece

_NAME = "pos_embed"
_TOKENS = ("cls_token", "dist_token", "reg_token")  # in timm's order, before the patches


def adapt_positions(work: Workpiece) -> None:
    """Give ``pos_embed`` the slots and the grid that the model has. What cannot be adapted stays as it is."""
    table = work.state.get(_NAME)
    own = work.target.shapes.get(_NAME)
    if table is None or own is None or table.ndim != len(own) or table.shape[-1] != own[-1]:
        return
    if table.ndim == 4:
        _adapt_map(work, table, (own[1], own[2]))
    elif table.ndim == 3:
        _adapt_rows(work, table, own[1])


def _adapt_map(work: Workpiece, table: Tensor, grid: tuple[int, int]) -> None:
    """Resize a table that is kept as a map ``(1, H, W, D)``."""
    if tuple(table.shape[1:3]) == grid:
        return
    before = (table.shape[1], table.shape[2])
    rows = _resize(work, table.flatten(1, 2), before, grid)
    work.put(_NAME, rows.unflatten(1, grid), _method(work, before, grid))


def _adapt_rows(work: Workpiece, table: Tensor, own_rows: int) -> None:
    grid = getattr(getattr(work.model, "patch_embed", None), "grid_size", None)
    if grid is None or math.prod(grid) > own_rows:
        return
    grid = (int(grid[0]), int(grid[1]))
    slots = _slots(work, table.shape[1], grid)
    if slots is None:
        return
    own_slots = own_rows - math.prod(grid)
    before = work.translation.grid or _square(table.shape[1] - slots, grid)
    if before is None or math.prod(before) != table.shape[1] - slots:
        return
    heads, patches = table[:, :slots], table[:, slots:]
    steps = []
    if slots > own_slots:
        if own_slots or not _fold(work, heads):
            return
        heads = heads[:, :0]
        steps.append(f"{slots} token rows added to their tokens, for which the model has no rows")
    elif slots < own_slots:
        heads = torch.cat([heads, heads.new_zeros(1, own_slots - slots, heads.shape[2])], dim=1)
        steps.append(f"{own_slots - slots} rows of zeros for tokens that had none")
    if before != grid:
        patches = _resize(work, patches, before, grid)
        steps.append(_method(work, before, grid))
    if steps:
        work.put(_NAME, torch.cat([heads.to(patches.dtype), patches], dim=1), "; ".join(steps))


def _resize(work: Workpiece, patches: Tensor, before: tuple[int, int], after: tuple[int, int]) -> Tensor:
    translation = work.translation
    return resize_grid(patches, before, after, antialias=translation.antialias, offset=translation.resize_offset)


def resize_grid(
    patches: Tensor, before: tuple[int, int], after: tuple[int, int], *, antialias: bool, offset: float = 0.0
) -> Tensor:
    """Resize ``(1, H·W, D)`` rows bicubically to another grid, in float32 (float64 stays).

    With an ``offset`` the factor is not the ratio of the grids but a little more, as in DINO's own code: its places lie
    a little closer together than the grid's.
    """
    wide = patches.double() if patches.dtype == torch.float64 else patches.float()
    image = wide.reshape(1, *before, -1).permute(0, 3, 1, 2)
    if offset:
        factors = ((after[0] + offset) / before[0], (after[1] + offset) / before[1])
        image = F.interpolate(image, scale_factor=factors, mode="bicubic", antialias=antialias, align_corners=False)
    else:
        image = F.interpolate(image, size=after, mode="bicubic", antialias=antialias, align_corners=False)
    return image.permute(0, 2, 3, 1).flatten(1, 2)


def _slots(work: Workpiece, rows: int, grid: tuple[int, int]) -> int | None:
    """Return how many leading rows belong to tokens."""
    if work.translation.position_slots is not None:
        return work.translation.position_slots
    tokens = [work.state[name].shape[1] for name in _TOKENS if name in work.state and work.state[name].ndim == 3]
    possible = sorted({sum(tokens[:count]) for count in range(len(tokens) + 1)}, reverse=True)
    given = work.translation.grid
    exact = [slots for slots in possible if rows - slots == math.prod(given or grid)]
    square = [slots for slots in possible if math.isqrt(rows - slots) ** 2 == rows - slots]
    return next(iter([*exact, *square]), None)


def _square(count: int, grid: tuple[int, int]) -> tuple[int, int] | None:
    """Return the grid that ``count`` patches had: the model's own where it has as many, else a square."""
    if count == math.prod(grid):
        return grid
    side = math.isqrt(count)
    return (side, side) if side * side == count else None


def _fold(work: Workpiece, heads: Tensor) -> bool:
    """Add each slot's row to its token; say whether every slot had one."""
    names = [name for name in _TOKENS if name in work.state]
    sizes = [work.state[name].shape[1] for name in names]
    if heads.shape[1] > sum(sizes):
        return False
    start = 0
    for name, size in zip(names, sizes, strict=True):
        rows = heads[:, start : start + size]
        if rows.shape[1] == size:
            work.state[name] = work.state[name] + rows
        start += size
    return True


def _method(work: Workpiece, before: tuple[int, int], after: tuple[int, int]) -> str:
    smooth = "antialiased" if work.translation.antialias else "not antialiased, as its own code"
    if work.translation.resize_offset:
        smooth += f", grid enlarged by {work.translation.resize_offset:g}"
    return f"bicubic, {smooth}, grid {before[0]}×{before[1]} -> {after[0]}×{after[1]}"
